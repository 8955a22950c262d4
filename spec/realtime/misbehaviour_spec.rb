# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

# F22 and F23: whatever a callback does, the connection goes on, its end is told once, and the server serves others.
RSpec.describe "A misbehaving callback" do
  deeds = {
    "raises" => 'raise "boom"',
    "raises an Exception" => 'raise Exception, "boom"',
    "is interrupted" => "raise Interrupt",
    "exits" => "exit",
    "aborts" => 'abort("from a callback")',
    "throws" => "throw :nobody",
    "runs into a timeout" => "Timeout.timeout(0.01) { sleep }",
    "is raised in by another thread" => 'me = Thread.current; Thread.new { me.raise("from outside") }; sleep',
    "kills its thread" => "Thread.current.kill",
    "is killed by another thread" => "me = Thread.current; Thread.new { me.kill }; sleep",
    "forks" => "Process.wait(fork { exit!(0) })",
    "forks a child that exits" => "Process.wait(fork { exit(0) })",
    "forks a child that raises" => "Process.wait(fork { $stderr.reopen(File::NULL); raise })",
    "forks a child that writes to its client" => 'Process.wait(fork { client.write("from the child"); exit!(0) })',
    "forks and executes" => 'Process.wait(fork { exec("true") })',
    "runs another program" => 'system("true")'
  }
  places = %w[on_open on_message on_drained on_close subscription defer]

  app = <<~RUBY
    require "timeout"
    DEEDS = { #{deeds.map { |name, code| "#{name.dump} => ->(client) { #{code} }" }.join(",\n")} }

    class Handler
      def initialize(query)
        @place, deed = query.split("=", 2)
        @deed = DEEDS[deed&.tr("_", " ")]
      end

      def act(place, client)
        return unless @place == place

        @place = nil
        puts "did in \#{place}"
        @deed.call(client)
      end

      def on_open(client)
        client.subscribe("news") { |_, _| act("subscription", client) }
        act("on_open", client)
      end

      def on_message(client, text)
        client.publish("news", "x")
        client.defer { act("defer", client) }
        act("on_message", client)
      ensure
        client.write(text)
      end

      def on_drained(client) = act("on_drained", client)

      def on_close(client)
        puts "closed \#{$$} \#{client.object_id}"
        act("on_close", client)
      end
    end

    run lambda { |env|
      next [200, {}, ["plain"]] unless env["rack.upgrade?"]

      env["rack.upgrade"] = Handler.new(env["QUERY_STRING"])
      [0, {}, []]
    }
  RUBY

  let(:server) { ServerProcess.shared(:misbehaving_callbacks, app:, args: %w[-t 1:1]) }

  # Lines of the server that begin so.
  def count(words) = server.stdout.scan(/^#{Regexp.escape(words)}/).size

  places.product(deeds.keys).each do |place, deed|
    it "F23, W33: #{place} #{deed}" do
      before, done = count("closed #{server.pid} "), count("did in #{place}")
      client = WebSocketClient.new(server, "/?#{place}=#{deed.tr(" ", "_")}")
      client.text("go")
      expect(client.read_message).to eq("go").or eq("from the child")
      client.text("again")
      messages = [client.read_message]
      messages << client.read_message until messages.last == "again"
      expect(messages - ["go", "from the child"]).to eq(["again"])
      expect(client.goodbye.code).to eq(1000)
      eventually { count("did in #{place}") == done + 1 }
      eventually { count("closed #{server.pid} ") == before + 1 }
      expect(Http.get(server, "/").body).to eq("plain")
      expect(count("closed #{server.pid} ")).to eq(before + 1)
      expect(server).to be_alive
    end
  end
end

# The blocks of one process share a thread.
RSpec.describe "A misbehaving block of the process" do
  app = <<~'RUBY'
    require "timeout"
    def deep(n) = deep(n + 1) + 1

    DEEDS = {
      "/raises" => -> { raise "boom" }, "/exception" => -> { raise Exception, "boom" }, "/interrupt" => -> { raise Interrupt },
      "/exits" => -> { exit }, "/throws" => -> { throw :nobody }, "/deep" => -> { deep(0) },
      "/timeout" => -> { Timeout.timeout(0.01) { sleep } }, "/kills" => -> { Thread.current.kill }
    }
    DONE = Queue.new

    def perform(deed)
      deed.call
    ensure
      DONE << true
    end

    # Until the deed is done, and a thread that it killed is dead.
    def await_deed
      DONE.pop(timeout: 5)
      Thread.pass while Thread.list.any? { |thread| thread.status == "aborting" }
    end

    run lambda { |env|
      deed, seen = DEEDS[env["PATH_INFO"]], Queue.new
      channel = "misdeed #{env["PATH_INFO"]}"
      if env["QUERY_STRING"] == "timer"
        IodineRs.run { perform(deed) }
        await_deed
        IodineRs.run { seen << "goes on" }
      else
        IodineRs.subscribe(channel) { |_, text| text == "now" ? perform(deed) : seen << text }
        IodineRs.publish(channel, "now")
        await_deed
        IodineRs.subscribe("another") {}
        IodineRs.publish(channel, "goes on")
      end
      [200, {}, [seen.pop(timeout: 5).to_s]]
    }
  RUBY

  let(:server) { ServerProcess.shared(:misbehaving_blocks, app:) }

  %w[timer subscription].product(%w[raises exception interrupt exits throws deep timeout kills]).each do |place, deed|
    it "F23: #{place} #{deed}" do
      expect(Http.get(server, "/#{deed}?#{place}").body).to eq("goes on")
      expect(server).to be_alive
    end
  end
end
