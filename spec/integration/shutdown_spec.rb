# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "The end of a server" do
  # /slow sleeps until it is told to end, /stubborn longer than that, /endless streams for ever.
  app = <<~'RUBY'
    run lambda { |env|
      case env["PATH_INFO"]
      when "/slow"
        puts "inside"
        begin
          sleep 60
        rescue => error
          puts "interrupted: #{error.class}"
          raise
        ensure
          puts "ensured"
        end
      when "/caught"
        puts "inside"
        begin
          sleep 60
        rescue IodineRs::ForceShutdown
          [200, {}, ["in time"]]
        end
      when "/stubborn"
        puts "inside"
        begin
          begin sleep 60; rescue IodineRs::ForceShutdown; retry; end
        ensure
          puts "killed"
        end
      when "/endless"
        [200, {}, ->(stream) { begin; loop { stream.write("x"); sleep 0.05 }; ensure; puts "stream over"; end }]
      when "/silent"
        [200, {}, ->(stream) { begin; stream.write("x"); sleep 60; ensure; puts "stream over"; end }]
      when "/left_open"
        puts "inside"
        [-1, {}, []]
      when "/framed"
        [200, { "transfer-encoding" => "chunked" }, Enumerator.new { |parts| loop { parts << "1\r\nx\r\n"; sleep 0.05 } }]
      else [200, {}, ["hello"]]
      end
    }
  RUBY
  modes = { "single" => [], "cluster" => %w[-w 1] }

  def ask(server, path, wait_for: /inside/)
    server.connect.tap do |socket|
      socket.write("GET #{path} HTTP/1.1\r\nhost: x\r\n\r\n")
      server.wait_for_stdout(wait_for) if wait_for
    end
  end

  def serving(app, mode, set: {}, **)
    args = [*mode, *set.flat_map { |name, value| ["--set", "#{name}=#{value}"] }]
    server = serve(app, args:, **)
    await_workers(server, 1) unless mode.empty?
    server
  end

  modes.each do |name, mode|
    describe "(#{name})" do
      it "D-23: interrupts the app after force_shutdown_after, whose client gets a 503" do
        server = serving(app, mode, set: { force_shutdown_after: 0.3 })
        socket = ask(server, "/slow")
        server.signal("INT")
        response = socket.read_response
        expect([response.status, response.close?]).to eq([503, true])
        expect(server.wait_exit.exitstatus).to eq(0)
        expect(server.stdout).to match(/- Not waiting any longer.*interrupted: IodineRs::ForceShutdown\n.*ensured/m)
        expect(server.stderr).to match(%r{Rack app \("GET /slow" - \(127.0.0.1\)\): #<IodineRs::ForceShutdown: })
      end

      it "D-23: may be immediate" do
        server = serving(app, mode, set: { force_shutdown_after: "immediately" })
        socket = ask(server, "/slow")
        server.signal("INT")
        expect(socket.read_response.status).to eq(503)
        server.wait_exit
      end

      it "D-23: sends what the app answers then" do
        server = serving(app, mode, set: { force_shutdown_after: 0.1 })
        socket = ask(server, "/caught")
        server.signal("INT")
        expect(socket.read_response.body).to eq("in time")
        server.wait_exit
      end

      it "D-23: kills what does not end within shutdown_grace_time" do
        server = serving(app, mode, set: { force_shutdown_after: 0.1, shutdown_grace_time: 0.3 })
        ask(server, "/stubborn")
        server.signal("INT")
        server.wait_exit(limit: 4)
        expect(server.stdout).to match(/^killed$/)
      end

      it "D-58: asks the app's handler for the answer, with 503" do
        handler = "lowlevel_error_handler { |error, _env, status| [status, {}, [error.class.name]] }"
        server = serving(app, mode, set: { force_shutdown_after: 0.1 }, files: { "config/iodine_rs.rb" => handler })
        socket = ask(server, "/slow")
        server.signal("INT")
        response = socket.read_response
        expect([response.status, response.body]).to eq([503, "IodineRs::ForceShutdown"])
      end

      %w[/endless /silent /framed].each do |path|
        it "cuts off a stream after stream_shutdown_timeout, so that it does not look complete (#{path})" do
          server = serving(app, mode, set: { stream_shutdown_timeout: 0.5 })
          socket = ask(server, path, wait_for: nil)
          socket.read_until("x")
          server.signal("TERM")
          expect(server.wait_exit(limit: 7).termsig).to eq(15)
          socket.read_to_end
          expect(socket).to be_reset
          expect(server.stdout).to include("stream over") unless path == "/framed"
          expect(server.stderr).to be_empty
        end
      end

      it "cuts off a request that was left open after stream_shutdown_timeout" do
        server = serving(app, mode, set: { stream_shutdown_timeout: 0.5 })
        socket = ask(server, "/left_open")
        server.signal("TERM")
        expect(server.wait_exit(limit: 7).termsig).to eq(15)
        expect(socket.read_to_end).to be_empty
        expect(server.stderr).to be_empty
      end

      it "cuts off a client that is slow after transfer_shutdown_timeout" do
        server = serving(app, mode, set: { transfer_shutdown_timeout: 0.5 })
        socket = server.connect
        socket.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\r\n")
        # It is slow, but faster than min_body_rate.
        slow = Thread.new { loop { socket.write("x" * 100).then { sleep 0.05 } } rescue nil }
        server.signal("TERM")
        expect(server.wait_exit(limit: 7).termsig).to eq(15)
        slow.join
        expect(socket.read_response.status).to eq(408)
      end

      it "S-10: prints what the threads do" do
        server = serving(app, mode)
        ask(server, "/slow")
        pid = mode.empty? ? server.pid : booted(server).first
        Process.kill("PWR", pid)
        server.wait_for_stdout(/Thread: TID-\w+ iodine-rs worker 001\n.*in `sleep'\n.*config.ru:6/)
        expect(server.alive?).to be(true)
      end

      it "D-25: prints it when stopping begins" do
        server = serving(app, mode, set: { shutdown_debug: true })
        server.signal("INT")
        server.wait_exit
        expect(server.stdout).to match(/=== Begin thread backtrace dump ===.*=== End thread/m)
      end

      it "D-25: or only where it is forced" do
        config = "shutdown_debug on_force: true\nforce_shutdown_after 0.1"
        server = serving(app, mode, files: { "config/iodine_rs.rb" => config })
        ask(server, "/slow")
        server.signal("INT")
        server.wait_exit
        expect(server.stdout).to match(/=== Begin.*config.ru:6.*=== End.*- Not waiting/m)
        quiet = serving(app, mode, files: { "config/iodine_rs.rb" => config })
        quiet.signal("INT")
        quiet.wait_exit
        expect(quiet.stdout).not_to include("=== Begin")
      end

      it "D-09, T-05, X-03: comes when nobody has wanted anything for idle_timeout, with status 0" do
        server = serving(app, mode, set: { idle_timeout: 1 })
        expect(server.wait_exit.exitstatus).to eq(0)
        expect(server.stdout).to include("- Idle timeout reached\n", "- Goodbye!\n")
      end

      it "D-09: does not come while a request runs, or a stream" do
        server = serving(app, mode, set: { idle_timeout: 0.4 })
        socket = ask(server, "/endless", wait_for: nil)
        busy = ask(server, "/slow")
        server.wait_for_stdout(/inside/)
        expect { server.wait_exit(limit: 1.5) }.to raise_error(ServerProcess::Failed)
        [socket, busy].each(&:close)
      end

      it "gives up a restart when it is told to end meanwhile" do
        server = serving(app, mode)
        port = server.port
        socket = ask(server, "/slow")
        server.signal("USR2")
        server.wait_for_stdout(/- Gracefully/)
        server.signal("INT")
        eventually { refused?(port) }
        expect(server.alive?).to be(true)
        server.signal("INT")
        expect(server.wait_exit.exitstatus).to eq(0)
        expect(server.stdout).not_to include("* Restarting...")
        socket.close
      end
    end
  end

  it "C-12: idle_timeout has a word on the command line" do
    server = serve(app, args: %w[--idle-timeout 0.5])
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "D-42, C-10, D-76: fork_worker and its hooks are accepted and explained" do
    why = "* fork_worker: workers are forked from the master; preload_app shares memory in the same way\n"
    expect(serve(app, args: %w[--fork-worker=500 -w 1]).stdout).to include(why)
    config = "fork_worker\nbefore_refork { }\nafter_refork(:db) { |_, _| }"
    server = serve(app, args: %w[-w 1], files: { "config/iodine_rs.rb" => config })
    expect(server.stdout).to include(why, *%w[before after].map { |word| "* #{word}_refork: no worker is forked from another one: it never runs\n" })
  end
end
