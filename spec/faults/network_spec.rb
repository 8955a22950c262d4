# frozen_string_literal: true

require "spec_helper"
require "digest"
require_relative "../support/bad_network"
require_relative "../support/sse_client"
require_relative "../support/websocket_client"

# F33: delay, loss and reordering. Seeds are fixed, so that a failure can be looked at again.
RSpec.describe "Faults of the network" do
  app = <<~'RUBY'
    require "digest"
    module Echo
      def self.on_message(client, data) = client.write(data)
    end
    module Ticker
      def self.on_open(client) = 20.times { |n| client.write("event #{n}") }
    end
    run lambda { |env|
      env["rack.upgrade"] = env["rack.upgrade?"] == :sse ? Ticker : Echo if env["rack.upgrade?"]
      case env["PATH_INFO"]
      when "/large" then [200, {}, ["0123456789abcdef" * 3_200]]
      when "/stream" then [200, {}, Enumerator.new { |y| 50.times { |n| y << "part #{n}\n" } }]
      else [200, {}, [Digest::MD5.hexdigest(env["rack.input"]&.read.to_s), " ", env["QUERY_STRING"]]]
      end
    }
  RUBY

  def head(line, *fields) = [line, "Host: x", *fields, "", ""].join("\r\n")

  [1, 2].each do |seed|
    it "F33: through a network that delays, loses and sends again, all bytes arrive (seed #{seed})" do
      server = serve(app)
      dice = Random.new(seed)
      body = dice.bytes(40_000)
      BadNetwork.to(server, seed:) do |network|
        conversations = [
          lambda do
            socket = network.connect
            10.times { |n| expect(socket.request(head("GET /?#{n} HTTP/1.1"), limit: 20).body).to end_with(" #{n}") }
            socket.write(Array.new(10) { |n| head("GET /?#{n} HTTP/1.1") }.join)
            10.times { |n| expect(socket.read_response(limit: 20).body).to end_with(" #{n}") }
          end,
          -> { expect(network.connect.request(head("GET /large HTTP/1.1"), limit: 20).body).to eq("0123456789abcdef" * 3_200) },
          -> { expect(network.connect.request(head("GET /stream HTTP/1.1"), limit: 20).body.lines.size).to eq(50) },
          lambda do
            answer = network.connect.request(head("POST / HTTP/1.1", "Content-Length: #{body.bytesize}").b + body, limit: 20)
            expect(answer.body).to start_with(Digest::MD5.hexdigest(body))
          end,
          lambda do
            chunks = body.scan(/.{1,7000}/mn).map { |part| "#{part.bytesize.to_s(16)}\r\n#{part}\r\n".b }.join
            answer = network.connect.request(head("POST / HTTP/1.1", "Transfer-Encoding: chunked").b + chunks + "0\r\n\r\n".b, limit: 20)
            expect(answer.body).to start_with(Digest::MD5.hexdigest(body))
          end,
          lambda do
            client = WebSocketClient.new(network, limit: 20)
            5.times { |n| expect(client.ask("message #{n} " * 500, limit: 20)).to eq("message #{n} " * 500) }
            expect(client.goodbye(limit: 20)).to have_attributes(code: 1000, reset: false)
          end,
          -> { expect(SseClient.new(network).read_events(20, limit: 20).map(&:data)).to eq(Array.new(20) { |n| "event #{n}" }) }
        ]
        conversations.map { |one| Thread.new { Thread.current.report_on_exception = false; one.call } }.each(&:value)
      end
      expect(server.stderr).to eq("")
    end
  end

  it "F33: a network that stands still does not keep a connection beyond its time" do
    server = serve(app, args: %w[--set first_data_timeout=1 --set persistent_timeout=1 --set write_timeout=1])
    half = server.connect.write("GET / HT")
    idle = server.connect
    idle.request(head("GET / HTTP/1.1"))
    expect([half, idle].map { |socket| socket.closed?(limit: 4) }).to eq([true, true])
  end
end
