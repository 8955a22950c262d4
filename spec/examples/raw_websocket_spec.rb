# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"
require "support/websocket_client"

RSpec.describe "examples/raw_websocket" do
  include ExampleApp

  let(:server) { serve_example("raw_websocket", shared: true, args: %w[-t 1:1]) }
  let(:client) { connect }

  after { @clients&.each(&:close) }

  def connect(**)
    WebSocketClient.new(server, "/echo", **).tap { |client| (@clients ||= []) << client }
  end

  def frame(...) = WebSocketClient::Frame.new(...)

  it "answers the handshake" do
    response = client.response

    expect([response.status, response["sec-websocket-accept"]]).to eq([101, WebSocketClient::ACCEPT])
    expect([response["upgrade"], response["connection"]].map(&:downcase)).to eq(%w[websocket upgrade])
    expect(response.headers).not_to include("content-length", "transfer-encoding")
  end

  it "refuses another version and other requests" do
    old = Http.get(server, "/echo", WebSocketClient::HANDSHAKE.merge("sec-websocket-version" => "8"))

    expect([old.status, old["sec-websocket-version"]]).to eq([426, "13"])
    expect(Http.get(server, "/echo").status).to eq(400)
  end

  [0, 5, 125, 126, 65_535, 65_536, 200_000].each do |size|
    it "echoes a message of #{size} bytes" do
      payload = Random.new(size).bytes(size)
      client.send_frame(2, payload)

      expect(client.read_frame).to eq(frame(2, payload, true))
    end
  end

  it "echoes one message after the other" do
    %w[one two three].each do |text|
      client.send_frame(1, text)
      expect(client.read_frame).to eq(frame(1, text, true))
    end
  end

  it "echoes a message in fragments, with a ping in between" do
    client.send_frame(1, "Hel", final: false)
    client.send_frame(9, "are you there?")
    client.send_frame(0, "lo")

    expect(Array.new(3) { client.read_frame })
      .to eq([frame(1, "Hel", false), frame(10, "are you there?", true), frame(0, "lo", true)])
  end

  it "hears what came in one piece with the handshake" do
    client = connect(early: WebSocketClient.frame(1, "early"))

    expect(client.read_frame).to eq(frame(1, "early", true))
  end

  it "says goodbye with the code it was given and ends the connection" do
    client.send_frame(8, [1000, "done"].pack("na*"))

    expect(client.read_frame).to eq(frame(8, [1000].pack("n"), true))
    expect(client).to be_closed
  end

  it "closes with 1002 when a frame is not masked" do
    client.send_frame(1, "naked", masked: false)

    expect(client.read_frame.payload.unpack("na*")).to eq([1002, "unmasked frame"])
    expect(client).to be_closed
  end

  it "closes with 1009 when a message is too big" do
    # The head is enough: what would follow is not waited for.
    client.write(WebSocketClient.frame(1, "x" * (1024 * 1024 + 1))[0, 14])

    expect(client.read_frame.payload.unpack1("n")).to eq(1009)
  end

  it "keeps several open, with one pool thread" do
    clients = Array.new(5) { connect }
    clients.each_with_index { |one, index| one.send_frame(1, index.to_s) }

    expect(clients.map { |one| one.read_frame.payload }).to eq(%w[0 1 2 3 4])
    expect(Http.get(server, "/").status).to eq(200)
  end

  it "survives a client that vanishes" do
    client.close

    expect(Http.get(server, "/").status).to eq(200)
    expect(server.stderr).to eq("")
  end
end
