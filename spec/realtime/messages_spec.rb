# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

RSpec.describe "messages of a WebSocket" do
  let(:server) { ServerProcess.shared(:scenes, rackup: "spec/realtime/apps/scenes.ru") }

  def log = Http.get(server, "/log").body.split("\n")
  def connect(path, **) = WebSocketClient.new(server, path, **)

  before { log }

  [0, 1, 125, 126, 65_535, 65_536, 1_000_000].each do |size|
    it "B-15: carries #{size} bytes both ways, as text and as binary" do
      client = connect("/echo")
      expect(client.ask("x" * size)).to eq("x" * size)
      client.binary("\xFF" * size)
      expect(client.read_message).to eq(("\xFF" * size).b)
    end
  end

  it "B-15, B-27: gives UTF-8 for text and ASCII-8BIT for binary" do
    client = connect("/describe")
    expect(client.ask("ä")).to eq("UTF-8 2 true false")
    expect(client.binary("ä").read_message).to eq("#{Encoding::BINARY} 2 true false")
  end

  { "binary" => "b\xFF".b, "ascii" => "123", "latin" => "ä", "broken" => "\xFF".b, "empty" => "", "number" => "42" }
    .each do |command, answer|
    it("B-15: writes a String by its encoding: #{command}") do
      client = connect("/commands")
      client.read_message
      message = client.ask(command)
      expect(message).to eq(answer)
      expect(message.encoding).to eq(answer.encoding)
    end
  end

  it "W8, B-12: loses nothing that came with the handshake, and delivers it after on_open" do
    client = connect("/class", early: (1..1000).map { |n| WebSocketClient.text(n.to_s) }.join)
    expect(client.read_message).to eq("1000 true")
  end

  it "B-13: delivers in order and one at a time, and lets others go on", :alone do
    slow = connect("/commands")
    quick = connect("/echo")
    slow.text("sleep 0.5")
    began = Eventually.now
    expect(quick.ask("hi")).to eq("hi")
    expect(Eventually.now - began).to be < 0.3
    expect(slow.read_messages(2)).to eq(%w[opened slept])
  end

  it "B-29: logs what a callback raises, and the connection lives" do
    client = connect("/commands")
    client.read_message
    client.text("raise")
    expect(client.ask("on")).to eq("on")
    server.wait_for_stderr(/as asked.*on_message.*scenes\.ru/m)
  end

  it "W14, B-16: takes text cut inside a character, and pings between" do
    client = connect("/echo")
    client.send_frame(WebSocketClient::TEXT, "\xE2\x82", final: false).ping("p")
          .send_frame(WebSocketClient::CONTINUATION, "\xAC")
    expect(client.read_frame).to have_attributes(opcode: WebSocketClient::PONG, payload: "p")
    expect(client.read_message).to eq("€")
  end

  it "takes a frame byte by byte" do
    client = connect("/echo").dribble(WebSocketClient.text("slowly"))
    expect(client.read_message).to eq("slowly")
  end

  {
    "W16 invalid UTF-8" => [WebSocketClient.text("\xFF"), 1007],
    "W16 half a character at the end of fragments" => [WebSocketClient.text("a", final: false) + WebSocketClient.frame(0, "\xE2\x82"), 1007],
    "W17 invalid UTF-8 before its frame is complete" => [WebSocketClient.text("\xFF", announce: 50_000), 1007],
    "W10, W32 RSV1" => [WebSocketClient.text("x", rsv: 4), 1002],
    "W32 RSV1 in a continuation" => [WebSocketClient.text("a", final: false) + WebSocketClient.frame(0, "b", rsv: 4), 1002],
    "W32 RSV1 in a ping" => [WebSocketClient.frame(WebSocketClient::PING, "", rsv: 4), 1002],
    "W9 no mask" => [WebSocketClient.text("x", masked: false), 1002],
    "W12 a ping in fragments" => [WebSocketClient.frame(WebSocketClient::PING, "x", final: false), 1002],
    "W13 a continuation of nothing" => [WebSocketClient.frame(0, "x"), 1002],
    "W13 a message inside another" => [WebSocketClient.text("a", final: false) + WebSocketClient.text("b"), 1002],
    "W12 a control frame above 125 bytes" => [WebSocketClient.frame(WebSocketClient::PING, "x" * 126), 1002],
    **[*3..7, *0xB..0xF].to_h { |opcode| ["W11 opcode #{opcode}", [WebSocketClient.frame(opcode, ""), 1002]] },
    "W26 a length of 5 in 64 bits" => [WebSocketClient.frame(2, "", announce: 5, width: 64), 1002],
    "W26 a length with its top bit" => [WebSocketClient.frame(2, "", announce: 2**63, width: 64), 1002],
    "W25 1.2 MB in fragments" => [WebSocketClient.frame(2, "x" * 600_000, final: false) + WebSocketClient.frame(0, "x" * 600_000), 1009],
    "W23 an announced exabyte" => [WebSocketClient.frame(2, "", announce: 2**60, width: 64), 1009],
    "W23 16 MiB" => [WebSocketClient.frame(2, "", announce: 2**24), 1009],
    "W24 fragments without end" => [WebSocketClient.text("", final: false) + (WebSocketClient.frame(0, "", final: false) * 100_000), 1008],
    "W18 half a close code" => [WebSocketClient.frame(8, "\x03"), 1002],
    **[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].to_h { |wrong| ["W18 close code #{wrong}", [WebSocketClient.closing(wrong), 1002]] },
    "W19 a reason that is not UTF-8" => [WebSocketClient.closing(1000, "\xFF"), 1007]
  }.each.with_index do |(name, (bytes, code)), number|
    it("B-16: answers #{name} with Close #{code}, and on_close is called once") do
      client = connect("/echo", headers: { "x-name" => "violation#{number}" }).offer(bytes)
      expect(client.finish).to have_attributes(code:, reset: false)
      expect(eventually_log(/close .*violation#{number}\z/)).to eq(1)
    end
  end

  it "delivers what came before a violation" do
    expect(connect("/echo").offer(WebSocketClient.text("a") + WebSocketClient.text("\xFF")).finish.messages).to eq(["a"])
  end

  def eventually_log(pattern)
    seen = []
    eventually { (seen += log).grep(pattern).any? }
    seen.grep(pattern).size
  end
end
