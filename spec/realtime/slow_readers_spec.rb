# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

# More is published in one go than the server has time to write between.
RSpec.describe "Clients that do not keep up" do
  app = <<~RUBY
    module Storm
      extend self

      def on_open(client) = client.subscribe("storm")

      def on_message(client, text)
        count, size = text.split.map { |number| Integer(number) }
        count.times { |number| client.publish("storm", number.to_s.ljust(size, ".")) }
        client.publish("storm", "end")
        sleep 0.2 if client.env["PATH_INFO"] == "/busy"
      end

      def on_drained(_client) = puts("drained")
    end

    run lambda { |env|
      env["rack.upgrade"] = Storm
      [101, {}, []]
    }
  RUBY

  it "W29: get whole messages before the 1013, also where one was half written" do
    own = serve(app, args: %w[--set max_outgoing=1000000])
    slow = WebSocketClient.new(own, "/", receive_buffer: 4096)
    WebSocketClient.new(own, "/").text("400 50000")
    own.wait_for_stderr(/does not read/)
    ending = slow.finish
    expect(ending.code).to eq(1013)
    expect(ending.messages.map(&:to_i)).to eq([*0...ending.messages.size])
  end

  it "B-19, B-28: are told once that everything is written, however often it was" do
    own = serve(app)
    client = WebSocketClient.new(own, "/busy")
    client.text("1000 10")
    messages = Array.new(1001) { client.read_message }
    expect(messages.last).to eq("end")
    client.goodbye
    expect(own.stdout.scan("drained").size).to be_between(1, 5)
  end
end
