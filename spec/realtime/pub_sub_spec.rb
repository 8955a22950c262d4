# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"
require_relative "../support/sse_client"

RSpec.describe "publish and subscribe" do
  let(:server) { ServerProcess.shared(:scenes, rackup: "spec/realtime/apps/scenes.ru") }

  def connect(*commands)
    WebSocketClient.new(server, "/subscribes").tap { |client| commands.each { |command| client.ask(command) } }
  end

  { "plain" => '"room"', "symbol" => ":room", "hash" => '"room"', "pattern" => '"ro*"' }.each do |form, returned|
    it("B-22: writes publications to the client (#{form})") do
      client = connect
      expect(client.ask(form)).to eq(returned)
      connect.ask("publish hello")
      expect(client.read_message).to eq("hello")
    end
  end

  it "B-22: calls a block, or an object with call" do
    client = connect("block")
    connect.ask("publish hello")
    expect(client.read_message).to eq("block room hello UTF-8")
    client.ask("handler")
    connect.ask("publish again")
    expect(client.read_message).to eq("handler again")
  end

  it "B-22: sends binary frames where that is asked for" do
    client = connect("binary")
    connect.ask("publish hello")
    expect(client.read_message.encoding).to eq(Encoding::BINARY)
  end

  it "B-22: subscribing again replaces, unsubscribing ends, mistakes raise" do
    client = connect("plain", "plain")
    connect.ask("publish once")
    expect(client.read_message).to eq("once")
    expect(client.ask("leave")).to eq("true")
    expect(client.ask("leave")).to eq("false")
    connect.ask("publish never")
    expect(client.ask("none")).to eq("ArgumentError")
    expect(client.ask("type")).to eq("TypeError")
  end

  it "B-25: keeps the order of a publisher" do
    client = connect("plain")
    publisher = connect
    200.times { |n| publisher.text("publish #{n}") }
    expect(client.read_messages(200)).to eq((0...200).map(&:to_s))
  end

  it "the publisher gets it, too, if it subscribed" do
    client = connect("plain")
    client.text("publish me")
    expect(client.read_messages(2)).to contain_exactly("me", "true")
  end

  it "B-23: takes all forms of publish, and runs blocks of the process" do
    own = serve(<<~RUBY)
      SEEN = Queue.new
      IodineRs.subscribe("a") { |channel, text| SEEN << [channel, text, text.encoding.to_s] }
      IodineRs.subscribe("b.*", match: :redis) { |channel, text| SEEN << [channel, text] }
      attempts = {
        type: -> { IodineRs.publish("a", 7) }, nothing: -> { IodineRs.publish("a") },
        channel: -> { IodineRs.publish(nil, "x") }, block: -> { IodineRs.subscribe("a") }
      }
      run(lambda do |_env|
        errors = attempts.transform_values { |attempt| attempt.call rescue $!.class }
        results = [IodineRs.publish("a", "1"), IodineRs.publish(to: "a", message: "2"), IodineRs.publish("a", "3", false),
                   IodineRs.publish(:a, "4"), IodineRs.publish("b.c", "5")]
        seen = Array.new(5) { SEEN.pop(timeout: 5) }
        stopped = IodineRs.unsubscribe("a")
        [200, {}, [[errors.values, results, seen, stopped, IodineRs.unsubscribe("a")].inspect]]
      end)
    RUBY
    expect(Http.get(own).body).to eq([
      [TypeError, ArgumentError, ArgumentError, ArgumentError], [true] * 5,
      [*%w[1 2 3 4].map { |n| ["a", n, "UTF-8"] }, ["b.c", "5"]], true, false
    ].inspect)
  end

  it "ends the subscriptions of a client that has gone" do
    client = connect("block")
    client.goodbye
    expect(connect.ask("publish to nobody")).to eq("true")
  end
end

RSpec.describe "server-sent events" do
  let(:server) { ServerProcess.shared(:scenes, rackup: "spec/realtime/apps/scenes.ru") }

  def log = Http.get(server, "/log").body.split("\n")

  it "B-26, B-27: sends events, with one set of headers" do
    client = SseClient.new(server, "/events", headers: { "last-event-id" => "41" })
    expect(client).to be_open
    expect(client.response["cache-control"]).to eq("no-cache")
    expect(client.response["x-accel-buffering"]).to eq("no")
    expect(client.response["content-length"]).to be_nil
    expect(client.read_events(4).map(&:to_a)).to eq([
      ["message", "hello\nworld", nil, nil], ["item", "news", "7", 1500],
      ["message", "ArgumentError", "7", nil], ["message", "last 41", "7", nil]
    ])
    Http.get(server, "/publish?now")
    expect(client.read_event.data).to eq("now")
    log
    client.close
    eventually { log.include?("close sse") }
  end

  it "B-6: carries the app's headers and cookies" do
    client = SseClient.new(server, "/status?200")
    expect(client.response["x-app"]).to eq("yes")
    expect(client.response["content-length"]).to be_nil
  end

  it "keeps a silent stream alive by comments" do
    own = serve("spec/realtime/apps/scenes.ru", args: ["--set", "ping_interval=1"])
    client = SseClient.new(own, "/events")
    client.read_events(4)
    expect(client.read_comment(limit: 4)).to eq("")
    expect(client.read_comment(limit: 4)).to eq("")
  end
end

RSpec.describe "timers and states" do
  it "runs blocks later, repeatedly, and never after cancel" do
    own = serve(<<~RUBY)
      seen = Queue.new
      IodineRs.on_state(:on_start) { seen << :started }
      IodineRs.on_state(:on_finish) { puts "finished" }
      IodineRs.run { seen << :run }
      IodineRs.run_after(50) { seen << :after }
      cancelled = IodineRs.run_after(100) { seen << :never }.cancel
      IodineRs.run_every(10, 3) { seen << :tick }
      run(lambda do |_env|
        events = Array.new(6) { seen.pop(timeout: 5) }
        [200, {}, [[events.tally, cancelled.cancelled?, IodineRs.running?, IodineRs.master?, IodineRs.worker?,
                    IodineRs.threads, IodineRs.workers].inspect]]
      end)
    RUBY
    expect(Http.get(own).body)
      .to eq([{ started: 1, run: 1, tick: 3, after: 1 }, true, true, true, true, 5, 0].inspect).or match(/started: 1|:started=>1/)
    own.signal("INT")
    own.wait_for_stdout(/finished/)
  end
end
