# frozen_string_literal: true

require "spec_helper"
require_relative "../support/sse_client"
require_relative "../support/websocket_client"

# What Ruby itself does behind an app's back: it collects, moves objects, and runs other kinds of concurrency.
RSpec.describe "Faults of the interpreter" do
  get = ->(path, *fields) { ["GET #{path} HTTP/1.1", "Host: x", *fields, "", ""].join("\r\n") }

  app = <<~'RUBY'
    module Echo
      def self.on_message(client, data) = client.write(data)
    end
    module Ticker
      def self.on_open(client) = client.subscribe("ticks")
    end
    run lambda { |env|
      case env["PATH_INFO"]
      when "/tick" then IodineRs.publish("ticks", env["QUERY_STRING"])
      when "/live" then env["rack.upgrade"] = env["rack.upgrade?"] == :sse ? Ticker : Echo
      when "/stream" then next [200, {}, Enumerator.new { |y| 3.times { |n| y << "#{n}#{env["QUERY_STRING"]}" } }]
      end
      [200, { "x-query" => env["QUERY_STRING"] }, ["seen ", env["QUERY_STRING"]]]
    }
  RUBY
  compacting = <<~'RUBY'
    GC.auto_compact = true
    use(Class.new do
      def initialize(app) = @app = app

      def call(env)
        GC.verify_compaction_references(expand_heap: true, toward: :empty) if (env["QUERY_STRING"].to_i % 10).zero?
        @app.call(env)
      end
    end)
  RUBY

  # The catalogue asks for 2,000 of each kind, which takes half an hour: `STRESSED=2000 rspec spec/faults/interpreter_spec.rb`.
  # Under stress a request takes half a second on a busy machine; the example may take two.
  count = Integer(ENV.fetch("STRESSED", "100"))

  hows = { "F17: under GC.stress" => { app:, gc_stress: true } }
  hows["F18: under compaction"] = { app: compacting + app, gc_stress: false } if GC.respond_to?(:verify_compaction_references)

  hows.each do |how, options|
    describe how, limit: 60 + (count * 2) do
      let(:server) { ServerProcess.shared([:interpreter, how], args: %w[-t 2:2], **options) }

      it "#{count} requests are answered with the right bytes" do
        socket = server.connect
        (1..count).each do |n|
          path, body = n.odd? ? ["/?#{n}", "seen #{n}"] : ["/stream?#{n}", "0#{n}1#{n}2#{n}"]
          response = socket.request(get[path], limit: 60)
          expect(response.body).to eq(body)
          socket = server.connect if response.close?
        end
      end

      it "#{count} messages of WebSockets come back" do
        client = WebSocketClient.new(server, "/live", limit: 60)
        (1..count).each_slice(10) do |numbers|
          numbers.each { |n| client.text("message #{n}") }
          expect(client.read_messages(10, limit: 60)).to eq(numbers.map { |n| "message #{n}" })
        end
        expect(client.goodbye(limit: 60).code).to eq(1000)
      end

      it "#{count} server-sent events arrive in order" do
        streams = Array.new(4) { SseClient.new(server, "/live") }
        # Subscribed once the first one comes.
        publish = ->(text) { Http.get(server, "/tick?#{text}", limit: 60) }
        streams.each { |stream| eventually(limit: 60) { publish["0"] && stream.read_event(limit: 1) rescue nil } }
        (1..count / 4).each { |n| publish[n.to_s] }
        streams.each do |stream|
          seen = []
          seen << stream.read_event(limit: 60).data.to_i until seen.last == count / 4
          expect(seen.reject(&:zero?)).to eq((1..count / 4).to_a)
        end
      end
    end
  end

  it "F19: callbacks that only the server knows live on through collections and compactions" do
    server = serve(<<~'RUBY', args: %w[-t 2:2], gc_stress: false)
      SEEN = Queue.new
      # Nothing here is kept in a variable, a constant or a method.
      IodineRs.subscribe("news") { |_channel, text| SEEN << "block #{text}" }
      IodineRs.on_state(:on_finish) { puts "finished #{SEEN.size}" }
      IodineRs.run_every(20) { SEEN << "tick" if SEEN.size < 5 }
      collect = lambda do
        10.times { GC.start(full_mark: true, immediate_sweep: true); "x" * 100_000 }
        GC.compact if GC.respond_to?(:compact)
      end
      handler = lambda do
        Class.new do
          def initialize(name) = @name = name
          def on_open(client) = client.subscribe("news") { |_, text| client.write("#{@name} #{text}") }
          def on_message(client, data) = client.defer { |one| one.write("#{@name} #{data}") }
          def on_close(client) = SEEN << "#{@name} closed"
        end.new("un" + "named")
      end
      run lambda { |env|
        case env["PATH_INFO"]
        when "/live" then env["rack.upgrade"] = handler.call
        when "/collect" then collect.call
        when "/publish" then IodineRs.publish("news", "old")
        when "/late"
          env["rack.after_reply"] << -> { SEEN << "replied" }
          collect.call
          next [200, {}, ->(stream) { collect.call; stream.write("stream"); stream.close }]
        when "/seen" then next [200, {}, [Array.new(SEEN.size) { SEEN.pop }.join("\n")]]
        end
        [200, {}, ["done"]]
      }
    RUBY
    client = WebSocketClient.new(server, "/live")
    3.times do
      Http.get(server, "/collect")
      expect(client.ask("hello")).to eq("unnamed hello")
      expect(Http.get(server, "/late").body).to eq("stream")
      Http.get(server, "/publish")
      expect(client.read_message).to eq("unnamed old")
    end
    client.goodbye
    client.close
    seen = []
    wanted = ["block old", "tick", "replied", "unnamed closed"]
    eventually { (wanted - (seen += Http.get(server, "/seen").body.split("\n"))).empty? }
    server.signal("INT")
    server.wait_for_stdout(/finished/)
    expect(server.stderr).to eq("")
  end

  describe "F32: other kinds of concurrency" do
    # A scheduler as small as it can be: it sleeps and blocks, one fiber after another.
    scheduler = <<~'RUBY'
      class Scheduler
        def initialize
          @ready = []
          @waiting = {}
          @lock = Mutex.new
        end

        def fiber(&block) = Fiber.new(blocking: false, &block).tap(&:resume)
        def io_wait(io, events, _timeout) = events.tap { pause(0) }
        def kernel_sleep(seconds = nil) = pause(seconds)
        def block(_blocker, timeout = nil) = pause(timeout)
        def unblock(_blocker, fiber) = @lock.synchronize { @ready << fiber }
        def close = run

        def run
          until @waiting.empty? && @ready.empty?
            now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
            due = @waiting.select { |_, at| at && at <= now }.keys | @lock.synchronize { @ready.slice!(0..) }
            due.each { |fiber| @waiting.delete(fiber) && fiber.resume }
            Thread.pass
          end
        end

        private

        def pause(seconds)
          @waiting[Fiber.current] = seconds && Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
          Fiber.yield
        end
      end
    RUBY
    places = {
      "in a thread of its own" => 'Thread.new { Fiber.set_scheduler(Scheduler.new); Fiber.schedule { sleep 0.01; done << 1 }; Fiber.schedule { done << 2 } }.join',
      "in the thread of the request" => 'Fiber.set_scheduler(Scheduler.new); Fiber.schedule { sleep 0.01; done << 1 }; Fiber.schedule { done << 2 }; Fiber.set_scheduler(nil)',
      "left in the thread of the request" => 'Fiber.set_scheduler(Scheduler.new) unless Fiber.scheduler; Fiber.schedule { done << 2 }; Fiber.scheduler.run; done << 1'
    }

    places.each do |place, deed|
      it "a Fiber scheduler #{place} works, and the thread goes on serving" do
        server = serve(<<~RUBY, args: %w[-t 1:1])
          #{scheduler}
          run lambda { |env|
            done = []
            #{deed}
            [200, {}, [done.inspect]]
          }
        RUBY
        5.times { expect(Http.get(server).body).to eq("[2, 1]") }
        expect(server.stderr).to eq("")
      end
    end

    it "a stream and a client may be written to from fibers of a scheduler" do
      server = serve(<<~RUBY, args: %w[-t 2:2])
        #{scheduler}
        module Fibers
          def self.on_message(client, data)
            Fiber.set_scheduler(Scheduler.new)
            3.times { |n| Fiber.schedule { sleep 0.01 * n; client.write("\#{data} \#{n}") } }
            Fiber.set_scheduler(nil)
          end
        end
        run lambda { |env|
          env["rack.upgrade"] = Fibers if env["rack.upgrade?"]
          [200, {}, lambda { |stream|
            Fiber.set_scheduler(Scheduler.new)
            3.times { |n| Fiber.schedule { sleep 0.01 * n; stream.write("part \#{n} ") } }
            Fiber.set_scheduler(nil)
            stream.close
          }]
        }
      RUBY
      expect(Http.get(server).body).to eq("part 0 part 1 part 2 ")
      client = WebSocketClient.new(server)
      client.text("fiber")
      expect(client.read_messages(3)).to eq(["fiber 0", "fiber 1", "fiber 2"])
    end

    it "an app may compute in Ractors; the server is for the main one only, and says so" do
      server = serve(<<~'RUBY', args: %w[-t 2:2])
        Warning[:experimental] = false
        run lambda { |env|
          case env["PATH_INFO"]
          when "/sum" then [200, {}, [Ractor.new { (1..1000).sum }.then { |one| one.respond_to?(:value) ? one.value : one.take }.to_s]]
          else
            said = Ractor.new { begin; IodineRs.publish("a", "b"); rescue Exception => error; error.class.name; end }
            [200, {}, [(said.respond_to?(:value) ? said.value : said.take).to_s]]
          end
        }
      RUBY
      5.times { expect(Http.get(server, "/sum").body).to eq("500500") }
      expect(Http.get(server, "/publish").body).to eq("Ractor::UnsafeError").or eq("Ractor::IsolationError")
      expect(Http.get(server, "/sum").body).to eq("500500")
    end

    it "Thread.report_on_exception is the app's: what its own threads raise is reported as Ruby does it, or not" do
      server = serve('run ->(env) { Thread.new { raise "in a thread of the app" }.join rescue nil; [200, {}, [Thread.report_on_exception.to_s]] }')
      expect(Http.get(server).body).to eq("true")
      server.wait_for_stderr(/terminated with exception.*in a thread of the app/m)
      quiet = serve('Thread.report_on_exception = false; run ->(env) { Thread.new { raise "quiet" }.join rescue nil; [200, {}, ["done"]] }')
      expect(Http.get(quiet).body).to eq("done")
      expect(quiet.stderr).to eq("")
    end
  end
end
