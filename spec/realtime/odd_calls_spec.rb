# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

RSpec.describe "Odd calls of a client's methods" do
  app = <<~RUBY
    module Second
      extend self

      def on_open(client) = client.write("second open")
      def on_message(client, text) = client.write("second \#{text}")
      def on_close(_client) = puts("second close")
    end

    # Runs what it is sent.
    module First
      extend self

      def on_message(client, code)
        client.write(eval(code).inspect)
      rescue StandardError => error
        client.write("\#{error.class}: \#{error.message}")
      end

      def on_close(client)
        puts "first close"
        client.handler = Second if client.env["PATH_INFO"] == "/switches"
        raise "in on_close" if client.env["PATH_INFO"] == "/raises"
      end
    end

    run lambda { |env|
      env["rack.upgrade"] = First
      [101, {}, []]
    }
  RUBY

  let(:server) { ServerProcess.shared(:odd_calls, app:) }

  def connect(path = "/") = WebSocketClient.new(server, path)

  # Lines that tell of the ends of connections.
  def ends(server) = server.stdout.lines(chomp: true).grep(/close$/)

  [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 99_999, "x", nil].each do |code|
    it("C-02: does not close with #{code.inspect}, which no frame may have") do
      client = connect
      expect(client.ask("client.close(#{code.inspect})")).to start_with("ArgumentError: close takes 1000")
      expect(client.ask("client.open?")).to eq("true")
    end
  end

  it "C-07: takes whole seconds for a timeout only" do
    client = connect
    [0.5, "5", nil, -1, 256].each do |seconds|
      expect(client.ask("client.timeout = #{seconds.inspect}")).to start_with("RangeError: timeout takes")
    end
    expect(client.ask("client.timeout")).to eq("40")
  end

  it "B-21, C-10: gives a closed connection to no other handler" do
    own = serve(app)
    WebSocketClient.new(own, "/switches").goodbye
    own.wait_for_stdout(/close$/)
    own.signal("TERM")
    own.wait_exit
    expect(ends(own)).to eq(["first close"])
  end

  it "B-21, B-29: gives the connection on when the old handler's on_close raises, and tells it once" do
    own = serve(app)
    client = WebSocketClient.new(own, "/raises")
    client.text("client.handler = Second")
    expect(Array.new(2) { client.read_message }).to eq(["second open", "RuntimeError: in on_close"])
    expect(client.ask("hi")).to eq("second hi")
    client.goodbye
    own.wait_for_stdout(/second close$/)
    expect(ends(own)).to eq(["first close", "second close"])
  end
end
