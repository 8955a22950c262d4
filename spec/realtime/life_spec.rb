# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"
require_relative "../support/sse_client"

RSpec.describe "the life of a WebSocket" do
  let(:server) { ServerProcess.shared(:scenes, rackup: "spec/realtime/apps/scenes.ru") }

  def log = Http.get(server, "/log").body.split("\n")
  def connect(path, **) = WebSocketClient.new(server, path, **)

  # Everything logged up to a line that matches.
  def log_until(pattern)
    seen = []
    eventually { (seen += log).grep(pattern).any? }
    seen
  end

  before { log }

  [1000, 1001, 3000, 4999].each do |code|
    it "W20, B-17: echoes Close #{code}" do
      expect(connect("/echo").goodbye(code)).to have_attributes(code:, reset: false)
      expect(log_until(/close/).last).to eq("close #{code} ")
    end
  end

  it "B-17: echoes an empty Close" do
    expect(connect("/echo").goodbye(nil).code).to eq(WebSocketClient::NO_CODE)
  end

  it "answers what came before a Close" do
    client = connect("/echo").write(WebSocketClient.text("one")).send_close(1000)
    expect(client.finish).to have_attributes(messages: ["one"], code: 1000)
  end

  it "W20: answers messages and a Close from a client that has ended its side already" do
    client = connect("/commands")
    client.read_message
    client.text("sleep 0.2").send_close(3000).socket.half_close
    expect(client.finish).to have_attributes(messages: ["slept"], code: 3000, reset: false)
    expect(log_until(/closed/).grep(/closed/).size).to eq(1)
  end

  it "W22, B-14: calls on_close once for a reset, with 1006" do
    client = connect("/echo")
    client.ask("hi")
    client.reset
    expect(log_until(/close/).grep(/close/)).to eq(["close 1006 "])
  end

  it "W34, B-18: after close nothing can be written, and what was written before goes out" do
    client = connect("/commands")
    client.read_message
    ending = client.text("close").finish
    expect(ending).to have_attributes(code: 1000, messages: [])
    expect(log_until(/closed/).last).to eq("closed false false -1 /commands")
  end

  it "B-18: tells its state" do
    client = connect("/commands")
    client.read_message
    expect(client.ask("state")).to eq('[true, 0, :websocket, 0, 40, "/commands"]')
    expect(client.ask("range")).to eq("RangeError")
  end

  it "W27: closes a client whose message never gets complete, with 1008" do
    own = serve("spec/realtime/apps/scenes.ru", args: %w[--set message_timeout=0.5])
    client = WebSocketClient.new(own, "/echo")
    expect(client.ask("quick")).to eq("quick")
    frame = WebSocketClient.text("never complete")
    frame.each_char.first(8).each { |byte| client.write(byte) }
    expect(client.finish).to have_attributes(code: 1008, messages: [])
    fragments = WebSocketClient.new(own, "/echo")
    fragments.text("begun", final: false)
    fragments.ping
    expect(fragments.finish.code).to eq(1008)
  end

  it "W15: answers a flood of pings without a growing queue", :measures do
    own = serve("spec/realtime/apps/scenes.ru")
    client = WebSocketClient.new(own, "/echo")
    memory = -> { File.read("/proc/#{own.pid}/smaps_rollup")[/^Pss:\s+(\d+)/, 1].to_i }
    before = memory.call
    flood = WebSocketClient.frame(WebSocketClient::PING, "x" * 125) * 1000
    100.times { client.offer(flood) }
    # None of the answers is read; all of them would be 13 MB.
    expect(memory.call - before).to be < 6_000
    expect(client.socket).not_to be_reset
  end

  it "W28, B-20: pings a silent client, and closes one that does not answer" do
    client = connect("/commands")
    client.read_message
    client.text("timeout 1")
    expect(client.read_frame.opcode).to eq(WebSocketClient::PING)
    expect(client.closed?).to be true
    expect(log_until(/closed/).grep(/closed/).size).to eq(1)
  end

  it "B-20: keeps a client that answers" do
    client = connect("/commands")
    client.read_message
    client.text("timeout 1")
    2.times do
      expect(client.read_frame.opcode).to eq(WebSocketClient::PING)
      client.pong
    end
    expect(client.ask("still here")).to eq("still here")
  end

  it "B-21: gives the connection to another handler" do
    client = connect("/commands")
    client.read_message
    client.text("switch")
    expect(client.read_message).to eq("second open")
    expect(log_until(/closed/).last).to start_with("closed true")
    expect(client.ask("x")).to eq("second x")
    client.goodbye
    expect(log_until(/second/).last).to eq("second close")
  end

  it "B-21: closes when the handler is taken away" do
    client = connect("/commands")
    client.read_message
    expect(client.text("leave").finish.code).to eq(1000)
  end

  it "B-19: counts what waits for a slow reader, and tells when it is out" do
    client = connect("/slow", receive_buffer: 4096)
    client.text("60")
    expect(log_until(/pending/)).to include("pending true")
    60.times { client.read_message }
    expect(log_until(/drained/)).to include("drained")
  end

  it "W29, B-19: closes one that does not read at all, and says so" do
    client = connect("/slow", receive_buffer: 4096)
    client.text("400")
    server.wait_for_stderr(/max_outgoing/)
    expect(log_until(/close 1013/).last).to eq("close 1013")
    client.close
  end

  it "W20: hears nothing behind a Close" do
    client = connect("/echo").send_close(1000)
    client.offer(WebSocketClient.text("too late"))
    expect(client.finish).to have_attributes(messages: [], code: 1000)
  end

  it "W21: does not wait for ever for the answer to its Close" do
    own = serve("spec/realtime/apps/scenes.ru", args: %w[--set close_timeout=0.5])
    client = WebSocketClient.new(own, "/commands")
    client.read_message
    client.text("leave")
    expect(client.read_frame.opcode).to eq(WebSocketClient::CLOSE)
    expect(client.closed?(limit: 3)).to be(true)
  end

  it "sends a message of 5 MiB" do
    client = connect("/commands")
    client.read_message
    expect(client.ask("large #{5 * 1024 * 1024}").bytesize).to eq(5 * 1024 * 1024)
  end

  it "W35, B-17: says goodbye when the server stops: on_shutdown, 1001, on_close" do
    other = serve("spec/realtime/apps/scenes.ru")
    clients = Array.new(3) { WebSocketClient.new(other, "/echo").tap { |one| one.ask("hi") } }
    events = SseClient.new(other, "/events")
    other.signal("TERM")
    clients.each { |client| expect(client.finish).to have_attributes(messages: ["bye"], code: 1001, reset: false) }
    expect(events.read_to_end).to end_with("data: bye\n\n")
    expect(other.wait_exit(limit: 7).termsig || 15).to eq(15)
  end

  it "does not wait long for a client that does not answer the goodbye" do
    other = serve("spec/realtime/apps/scenes.ru", args: ["--set", "client_shutdown_timeout=1"])
    WebSocketClient.new(other, "/echo").ask("hi")
    other.signal("TERM")
    other.wait_exit(limit: 7)
  end
end
