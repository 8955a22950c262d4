# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"
require_relative "../support/sse_client"

RSpec.describe "publish and subscribe" do
  let(:server) { ServerProcess.shared(:scenes, rackup: "spec/realtime/apps/scenes.ru") }

  def connect(*commands)
    WebSocketClient.new(server, "/subscribes").tap { |client| commands.each { |command| client.ask(command) } }
  end

  { "plain" => '"room"', "symbol" => ":room", "hash" => '"room"', "hash object" => '"room"', "pattern" => '"ro*"' }.each do |form, returned|
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
                   IodineRs.publish(:a, "4"), IodineRs.publish({ to: "a", message: "5" }), IodineRs.publish("b.c", "6")]
        seen = Array.new(6) { SEEN.pop(timeout: 5) }
        stopped = IodineRs.unsubscribe("a")
        [200, {}, [[errors.values, results, seen, stopped, IodineRs.unsubscribe("a")].inspect]]
      end)
    RUBY
    expect(Http.get(own).body).to eq([
      [TypeError, ArgumentError, ArgumentError, ArgumentError], [true] * 6,
      [*%w[1 2 3 4 5].map { |n| ["a", n, "UTF-8"] }, ["b.c", "6"]], true, false
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

  it "S1, S2, S3, S7, B-26, B-27: sends events, with one set of headers" do
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

  it "S-08: keeps the app's own content type where it is one of an event stream, and has one only" do
    own = serve(<<~RUBY)
      run(lambda do |env|
        env["rack.upgrade"] = Module.new
        [200, { "content-type" => env["QUERY_STRING"].tr("+", " "), "cache-control" => "no-store" }, []]
      end)
    RUBY
    expected = { "text/event-stream;+charset=utf-8" => "text/event-stream; charset=utf-8",
                 "Text/Event-Stream" => "Text/Event-Stream", "text/html" => "text/event-stream" }
    expected.each do |sent, received|
      response = SseClient.new(own, "/?#{sent}").response
      expect([response["content-type"], response["cache-control"]]).to eq([received, "no-store"])
    end
  end

  it "S5: keeps a silent stream alive by comments" do
    own = serve("spec/realtime/apps/scenes.ru", args: ["--set", "ping_interval=1"])
    client = SseClient.new(own, "/events")
    client.read_events(4)
    expect(client.read_comment).to eq("")
    expect(client.read_comment).to eq("")
  end
end

RSpec.describe "server-sent events, the rows of the catalogue" do
  let(:server) do
    ServerProcess.shared(:sse_rows, app: <<~'RUBY')
      LOG = Queue.new
      module Says
        extend self

        def on_open(client)
          client.subscribe("all")
          case client.env["QUERY_STRING"]
          when "lines" then client.write("a\nb\r\nc\rd\nevent: forged\n\nid: 9")
          when "utf8" then client.write("a\xFFb")
          when "ids" then ["a\nb", "a\rb", "a\0b"].each { |id| begin client.write("x", id:) rescue client.write($!.class.name) end }
          when "flood" then 400.times { client.write("x" * 65_536) }
          when "raise" then client.write("before").then { raise "in on_open" }
          end
        end

        def on_close(client) = LOG << "close #{client.env["QUERY_STRING"]}"
      end
      run lambda { |env|
        case env["PATH_INFO"]
        when "/log" then next [200, {}, [Array.new(LOG.size) { LOG.pop }.join("\n")]]
        when "/publish" then IodineRs.publish("all", env["QUERY_STRING"])
        end
        env["rack.upgrade"] = Says
        [200, {}, ["plain"]]
      }
    RUBY
  end

  def await_log(line) = eventually { Http.get(server, "/log").body.split("\n").include?(line) }

  it "S2: every line end begins a line of data; none can forge a field" do
    expect(SseClient.new(server, "/?lines").read_event.to_a).to eq(["message", "a\nb\nc\nd\nevent: forged\n\nid: 9", nil, nil])
  end

  it("S3: refuses an id with a line end or NUL") { expect(SseClient.new(server, "/?ids").read_events(3).map(&:data)).to eq(["ArgumentError"] * 3) }
  it("S4: replaces what is not UTF-8") { expect(SseClient.new(server, "/?utf8").read_event.data).to eq("a\u{FFFD}b") }

  it "S5: notices a client that resets, and calls on_close once" do
    client = SseClient.new(server, "/?gone")
    client.reset
    await_log("close gone")
  end

  it "S6: closes one that does not read, and says so" do
    client = SseClient.new(server, "/?flood", receive_buffer: 4096)
    server.wait_for_stderr(/max_outgoing/)
    await_log("close flood")
    client.close
  end

  it "S8: serves HTTP/1.0 without chunks, to the end of the connection" do
    client = SseClient.new(server, "/?lines", version: "1.0")
    expect(client.response["transfer-encoding"]).to be_nil
    expect(client.read_event.data).to start_with("a\nb")
  end

  it "S9: is ordinary HTTP for HEAD and for who does not ask for it" do
    expect(Http.get(server).body).to eq("plain")
    head = server.connect.request("HEAD / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", head: true)
    expect([head.status, head["content-type"]]).to eq([200, nil])
  end

  it "S10: one publication reaches 300 streams" do
    streams = Array.new(300) { |n| SseClient.new(server, "/?many#{n}") }
    eventually { Http.get(server, "/publish?first") && streams.all? { |stream| !stream.silent?(0) } }
    Http.get(server, "/publish?last")
    streams.each { |stream| eventually { stream.read_event.data == "last" } }
    streams.each(&:close)
  end

  it "S11: a callback that raises does not look like the end of the stream" do
    client = SseClient.new(server, "/?raise")
    expect(client.read_event.data).to eq("before")
    Http.get(server, "/publish?on")
    expect(client.read_event.data).to eq("on")
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
        [200, {}, [[events.tally.sort, cancelled.cancelled?, IodineRs.running?, IodineRs.master?, IodineRs.worker?,
                    IodineRs.threads, IodineRs.workers].inspect]]
      end)
    RUBY
    expect(Http.get(own).body)
      .to eq([[[:after, 1], [:run, 1], [:started, 1], [:tick, 3]], true, true, true, true, 5, 0].inspect)
    own.signal("INT")
    own.wait_for_stdout(/finished/)
  end

  %w[0 2].each do |workers|
    it "M-11: tells an app that is loaded before of each state (-w #{workers})" do
      own = serve(<<~'RUBY', args: ["-w", workers], files: { "config/iodine_rs.rb" => "preload_app!" })
        MASTER = $$
        %i[pre_start before_fork after_fork enter_child enter_master on_start start_shutdown on_finish].each do |state|
          IodineRs.on_state(state) { $stdout.write("#{$$ == MASTER ? "master" : "worker"} #{state}\n") }
        end
        run ->(_env) { [200, {}, []] }
      RUBY
      eventually { own.stdout.scan(/ on_start$/).size == [workers.to_i, 1].max }
      own.signal("TERM")
      own.wait_exit
      seen = own.stdout.scan(/^(?:master|worker) \w+$/)
      expect(seen.first).to eq("master pre_start")
      master = workers == "0" ? %w[on_start] : %w[before_fork after_fork enter_master]
      worker = workers == "0" ? [] : %w[after_fork enter_child on_start start_shutdown on_finish]
      expect(seen.uniq).to match_array(%w[pre_start start_shutdown on_finish].union(master).map { |state| "master #{state}" } +
                                       worker.map { |state| "worker #{state}" })
    end
  end
end
