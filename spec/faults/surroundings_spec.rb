# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/load"
require_relative "../support/websocket_client"

# Clocks that jump, and names that nobody can look up.
RSpec.describe "Faults of the surroundings" do
  describe "F16: a clock that jumps by a day", if: Dir["/usr/lib/*/faketime/libfaketimeMT.so.1"].any? do
    library = Dir["/usr/lib/*/faketime/libfaketimeMT.so.1"].first
    day = 86_400

    # A server whose time of day is what the file "clock" says. Its monotonic clock is the system's, as in every jump of NTP's
    # or an operator's.
    def clockwork(app, args, library)
      Dir.mktmpdir do |directory|
        clock = "#{directory}/clock"
        File.write(clock, "+0")
        env = { "LD_PRELOAD" => library, "FAKETIME_TIMESTAMP_FILE" => clock, "FAKETIME_NO_CACHE" => "1",
                "FAKETIME_DONT_FAKE_MONOTONIC" => "1" }
        yield serve(app, args:, env:), clock
      ensure
        stop_servers
      end
    end

    # Seconds between the server's clock and ours.
    def ahead(server) = Time.httpdate(Http.get(server)["date"]) - Time.now

    { "forwards" => day, "backwards" => -day }.each do |name, seconds|
      it "#{name} kills no worker, ends no wait too early and none too late" do
        require "time"
        args = %w[-w 2 --set worker_check_interval=0.2 --set worker_timeout=2 --set persistent_timeout=3 --set ping_interval=1]
        app = "module Echo; def self.on_message(client, data) = client.write(data); end\n" \
              "run ->(env) { env['rack.upgrade'] = Echo if env['rack.upgrade?']; sleep 0.5 if env['PATH_INFO'] == '/slow'; [200, {}, [env['QUERY_STRING'], ' ']] }"
        clockwork(app, args, library) do |server, clock|
          await_workers(server, 2)
          idle = server.connect
          idle.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
          began = Eventually.now
          websocket = WebSocketClient.new(server)
          load = Load.during(server, clients: 2, path: "/slow") do
            File.write(clock, format("%+d", seconds))
            eventually { (ahead(server) - seconds).abs < 60 }
            expect(idle.silent?(1)).to be(true)
            expect(websocket.ask("hello")).to eq("hello")
            expect(idle.closed?(limit: 5)).to be(true)
            expect(Eventually.now - began).to be_between(2.5, 6)
          end
          expect(load.failures).to be_empty
          expect(booted(server).size).to eq(2)
          expect(server.stderr).to eq("")
          server.signal("INT")
          expect(server.wait_exit.exitstatus).to eq(0)
        end
      end
    end
  end

  describe "names that nobody can look up" do
    # A name server that hears every question and answers none, for a process in a mount namespace of its own.
    def silent_names
      ear = UDPSocket.new
      ear.bind("127.0.0.153", 53)
      Dir.mktmpdir do |directory|
        File.write("#{directory}/resolv.conf", "nameserver 127.0.0.153\noptions timeout:30 attempts:1\n")
        mount = "mount --bind #{directory}/resolv.conf /etc/resolv.conf && exec \"$@\""
        yield ear, ["unshare", "--mount", "sh", "-c", mount, "sh"]
      ensure
        stop_servers
      end
    ensure
      ear&.close
    end

    possible = Process.uid.zero? && system("unshare", "--mount", "true", err: File::NULL)
    options = %w[--redis redis://redis.example.test:6379/0]

    it "DNS: no request, of either kind, asks for any name", if: possible do
      silent_names do |ear, under|
        server = serve(Load::APP, under:)
        expect(Http.get(server, "/?1").body).to start_with("1 ")
        expect(Http.get(server, "/?1", { "x-forwarded-for" => "192.0.2.1", "host" => "app.example.test" }).body).to start_with("1 ")
        expect(ear.wait_readable(0.2)).to be_nil
      end
    end

    [["one process", []], ["a cluster", %w[-w 2]]].each do |name, mode|
      it "DNS: a Redis whose name nobody answers for holds up neither start, requests, workers nor the end (#{name})", if: possible do
        silent_names do |ear, under|
          server = serve(Load::APP, args: [*options, *mode], under:, boot_limit: 8)
          expect(ear.wait_readable(5)).not_to be_nil
          Load.during(server) { |going| eventually { going.answered > 50 } }
          if mode.any?
            await_workers(server, 2)
            Process.kill("KILL", booted(server).first)
            await_workers(server, 3, limit: 8)
          end
          server.signal("INT")
          expect(server.wait_exit(limit: 8).exitstatus).to eq(0)
        end
      end
    end

    it "DNS: a Redis whose name there is not is told, and held up is nobody" do
      server = serve(Load::APP, args: options)
      server.wait_for_stderr(/redis/i)
      Load.during(server) { |going| eventually { going.answered > 50 } }
      expect(server.stderr.lines.size).to be < 10
    end
  end
end
