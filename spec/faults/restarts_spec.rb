# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/load"
require_relative "../support/websocket_client"

# Restarts while clients ask, and signals while the server restarts.
RSpec.describe "Faults of restarts" do
  def restarted(server, times) = eventually(limit: 20) { server.stdout.scan("Use Ctrl-C to stop").size > times }

  without_preloading = %w[-w 2 --set preload_app=false]

  [["USR2", "one process", []], ["USR2", "a cluster", %w[-w 2]], ["USR1", "a cluster", without_preloading]].each do |signal, name, args|
    it "F8: #{signal} loses no request of clients that keep their connection, nor of others (#{name})" do
      server = serve(Load::APP, args:)
      await_workers(server, 2) unless args.empty?
      fresh = Load.during(server, clients: 2) do
        kept = Load.during(server, clients: 2, keep_alive: true) do |going|
          3.times do |n|
            server.signal(signal)
            signal == "USR2" ? restarted(server, n + 1) : await_workers(server, 4 + (2 * n))
            answered = going.answered
            eventually { going.answered > answered + 100 }
          end
        end
        expect(kept.failures).to be_empty
      end
      expect(fresh.failures).to be_empty
    end
  end

  # A streaming body that goes on for longer than drain_idle_timeout has promised before the restart that its connection
  # is kept.
  mixed = <<~'RUBY'
    def compute(seconds)
      till = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
      nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) < till
    end
    run lambda { |env|
      number = "#{env["QUERY_STRING"]} "
      compute(0.1) if env["PATH_INFO"] == "/compute"
      next [200, {}, [number]] unless env["PATH_INFO"] == "/stream"
      [200, {}, Enumerator.new { |parts| parts << number; 5.times { sleep 0.1; parts << "part" } }]
    }
  RUBY

  [["USR2", "one process", []], ["USR2", "a cluster", %w[-w 2]], ["USR1", "a cluster", without_preloading]].each do |signal, name, args|
    it "F8: #{signal} loses no request where some compute and some stream (#{name})", limit: 120 do
      server = serve(mixed, args:)
      await_workers(server, 2) unless args.empty?
      loads = [["/", 2], ["/compute", 2], ["/stream", 4]].map { |path, clients| Load.new(server, clients:, path:, keep_alive: true) }
      2.times do |n|
        eventually(limit: 30) { loads.last.answered > 8 * n }
        server.signal(signal)
        signal == "USR2" ? restarted(server, n + 1) : await_workers(server, 4 + (2 * n))
      end
      loads.each(&:finish)
      expect(loads.map(&:failures)).to eq([{}] * 3)
    ensure
      loads&.each(&:finish)
    end
  end

  it "F9: USR2 says goodbye to every open socket, and takes new ones" do
    app = <<~'RUBY'
      module Room
        extend self
        def on_message(client, data) = client.write(data)
      end
      run ->(env) { env["rack.upgrade"] = Room if env["rack.upgrade?"]; [200, {}, []] }
    RUBY
    server = serve(app)
    clients = Array.new(300) { WebSocketClient.new(server) }
    server.signal("USR2")
    ends = clients.map { |client| client.read_close.tap { client.close } }
    expect(ends.uniq).to eq([1001])
    restarted(server, 1)
    client = WebSocketClient.new(server)
    expect(client.ask("hello")).to eq("hello")
    client.close
  end

  describe "F10: signals" do
    # With a file to open anew HUP does not end a server.
    lasting = %w[--set redirect_stderr=err.log]

    it "in a storm end with workers of the last phase, and no more descriptors or zombies" do
      server = serve(Load::APP, args: [*without_preloading, *lasting])
      await_workers(server, 2)
      descriptors = Dir.children("/proc/#{server.pid}/fd").size
      storm = (%w[TTIN TTOU USR1 HUP CHLD URG WINCH] * 100).shuffle(random: Random.new(10))
      load = Load.during(server, clients: 1) do
        storm.each { |name| server.signal(name).then { sleep 0.002 } }
        server.signal("USR1")
        eventually(limit: 30) { renewed?(server) }
      end
      expect(load.failures).to be_empty
      # Each worker has one socket in the master.
      eventually { Dir.children("/proc/#{server.pid}/fd").size <= descriptors + children(server.pid).size - 2 }
    end

    # Whether each worker is of the last phase, and serves.
    def renewed?(server)
      phase = server.stdout.scan(/worker restart, phase: (\d+)/).flatten.last
      serving = server.stdout.scan(/\(PID: (\d+)\) booted in \S+, phase: #{phase}$/).flatten.map(&:to_i)
      workers = children(server.pid)
      workers.any? && workers.all? { |pid| serving.include?(pid) && alive?(pid) }
    end

    [["one process", [], []], ["a cluster", %w[-w 2], %w[TTIN TTOU]]].each do |name, args, more|
      it "that come while it begins anew do not end it (#{name})" do
        slow = "puts 'loading'\nsleep 1 if File.exist?('slow')\n#{Load::APP}"
        server = serve(slow, args: [*args, *lasting])
        Http.get(server)
        File.write("#{server.dir}/slow", "")
        server.signal("USR2")
        eventually { server.stdout.include?("* Restarting...") }
        began = Eventually.now
        # The end of the process that was, the start of Ruby, the load of the app.
        until Eventually.now - began > 0.9
          [*%w[HUP USR1 USR2 URG WINCH CHLD], *more].each { |signal| server.signal(signal) }
          sleep 0.003
        end
        restarted(server, 1)
        expect(Http.get(server, "/").status).to eq(200)
      end
    end
  end
end
