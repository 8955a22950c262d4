# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/load"

# Processes that die, hang or never come up, while clients ask. What the master does then, case by case, is in
# spec/cluster/watching_spec.rb.
RSpec.describe "Faults of processes" do
  watchful = %w[--set worker_check_interval=0.2 --set worker_timeout=1]

  # No more than these can be inside a worker: one request for each of its threads, and one that it has just accepted.
  def inside_a_worker(threads) = threads + 1

  describe "F1: a worker killed under load" do
    it "costs no more than what was inside it, and is replaced at once" do
      server = cluster(Load::APP, args: %w[-t 2:2])
      load = Load.during(server, clients: 8, path: "/slow") do |going|
        eventually { going.answered > 50 }
        Process.kill("KILL", booted(server).first)
        began = Eventually.now
        await_workers(server, 3)
        expect(Eventually.now - began).to be < 2
        answered = going.answered
        eventually { going.answered > answered + 100 }
      end
      expect(load.failures.keys - [:lost]).to be_empty
      expect(load.failures[:lost].to_i).to be <= inside_a_worker(2)
    end

    it "again and again, costs no more each time" do
      server = cluster(Load::APP, args: %w[-t 2:2])
      load = Load.during(server, clients: 8, path: "/slow") do |going|
        3.times do |n|
          # One that has served for a while: the others are forked with a pause.
          answered = going.answered
          eventually { going.answered > answered + 150 }
          Process.kill("KILL", children(server.pid).first)
          await_workers(server, 3 + n)
        end
      end
      expect(load.failures.keys - [:lost]).to be_empty
      expect(load.failures[:lost].to_i).to be <= 3 * inside_a_worker(2)
    end

    it "together with all others, leaves clients in the kernel's queue until the next ones serve" do
      server = cluster(Load::APP, args: %w[-t 2:2])
      load = Load.during(server, clients: 8, path: "/slow") do |going|
        eventually { going.answered > 50 }
        Process.kill("KILL", *booted(server))
        await_workers(server, 4)
        answered = going.answered
        eventually { going.answered > answered + 100 }
      end
      expect(load.failures.keys - [:lost]).to be_empty
      expect(load.failures[:lost].to_i).to be <= 2 * inside_a_worker(2)
    end
  end

  it "F2: a worker that is stopped under load is killed and replaced, and others go on meanwhile" do
    server = cluster(Load::APP, args: ["-t", "2:2", *watchful])
    load = Load.during(server, clients: 8, path: "/slow") do |going|
      eventually { going.answered > 50 }
      Process.kill("STOP", booted(server).first)
      answered = going.answered
      eventually { going.answered > answered + 20 }
      await_workers(server, 3)
    end
    expect(server.stdout).to include("failed to check in within 1 seconds")
    expect(load.failures.keys - [:lost]).to be_empty
    expect(load.failures[:lost].to_i).to be <= inside_a_worker(2)
  end

  it "F3: while the app holds Ruby's lock for ever, files are served and the queue ends in 503" do
    held = <<~'RUBY'
      require "fiddle"
      SLEEP = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
      run ->(env) { env["PATH_INFO"] == "/hold" && SLEEP.call(60); [200, {}, []] }
    RUBY
    server = serve(held, args: %w[-t 1:1 --public public --set max_queue=1 --set queue_timeout=0.1], files: { "public/file.txt" => "here" })
    [server.connect, server.connect].each { |socket| socket.write("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n") }
    eventually { Http.get(server, "/file.txt").body == "here" }
    eventually { Http.get(server, "/", limit: 1).status == 503 rescue false }
    server.signal("KILL")
  end

  it "F4: a master that is killed takes its workers along within a second, and frees the port", :alone do
    server = cluster(Load::APP, workers: 3)
    pids = booted(server)
    Load.during(server) do |going|
      eventually { going.answered > 50 }
      server.signal("KILL")
      eventually(limit: 1) { pids.none? { |pid| alive?(pid) } && refused?(server.port) }
    end
  end

  it "F4, W-04, X-05: a master that is killed takes along a worker in which C holds Ruby's lock" do
    app = <<~'RUBY'
      require "fiddle"
      SLEEP = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
      run ->(_env) { $stdout.puts "held"; SLEEP.call(60); [200, {}, []] }
    RUBY
    server = cluster(app, workers: 1)
    pid, port = booted(server).first, server.port
    server.connect.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    server.wait_for_stdout(/held/)
    server.signal("KILL")
    eventually(limit: 3) { !alive?(pid) && refused?(port) }
    expect(server.stderr).to include("! Detected parent died, and Ruby stands still: killed")
  end

  describe "F6: an app that cannot live" do
    # Forks within that many seconds.
    def deaths(server, seconds)
      ending = Eventually.now + seconds
      eventually(limit: seconds + 1) { Eventually.now > ending }
      server.stderr.scan("ended unexpectedly").size
    end

    it "in its boot is forked with longer and longer pauses, whatever the number of workers" do
      server = serve("raise 'no database'", args: %w[-w 4 --set preload_app=false], wait: false)
      server.wait_for_stderr(/no database/)
      # All four at once, and again after 0.5 and 1.5 seconds.
      expect(deaths(server, 2)).to be <= 12
      expect(server.alive?).to be(true)
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(0)
    end

    it "as soon as it serves is forked with longer and longer pauses, too" do
      server = serve("Thread.new { sleep 0.05; exit!(1) }\nrun ->(_env) { [200, {}, []] }", args: %w[-w 1])
      await_workers(server, 1)
      expect(deaths(server, 3)).to be <= 4
      expect(server.stderr).to match(/the next worker is forked in 1.0 s/)
    end

    it "for a while only, serves as soon as it can" do
      server = serve("raise 'no database' unless File.exist?('database')\n#{Load::APP}", args: %w[-w 1], wait: false)
      server.wait_for_stderr(/the next worker is forked in 0.5 s/)
      File.write("#{server.dir}/database", "")
      await_workers(server, 1)
      expect(Http.get(server).status).to eq(200)
    end
  end

  describe "F12: memory that is not there" do
    it "is a 500 for the request that wants it" do
      app = 'run ->(env) { [200, {}, [("x" * (env["QUERY_STRING"].to_i << 30)).size.to_s]] }'
      server = serve(app, under: %w[prlimit --as=3000000000])
      expect(Http.get(server, "/?100").status).to eq(500)
      expect(server.stderr).to include("NoMemoryError")
      expect(Http.get(server, "/?0").status).to eq(200)
    end

    it "for anything costs that worker, which is replaced" do
      app = 'run ->(env) { loop { ($kept ||= []) << "x" * 10_000 } if env["PATH_INFO"] == "/eat"; [200, {}, ["#{env["QUERY_STRING"]} "]] }'
      server = cluster(app, args: watchful, under: %w[prlimit --as=1500000000])
      socket = server.connect
      socket.write("GET /eat HTTP/1.1\r\nhost: x\r\n\r\n")
      # What happens is Ruby's to say: an exception, or the end of the process.
      eventually(limit: 20) { socket.closed?(limit: 0) || server.stderr.include?("NoMemoryError") }
      Load.during(server) { |going| eventually { going.answered > 50 } }
      expect(server.alive?).to be(true)
    end
  end

  it "F29: connections that nobody accepts for a while are served later, every one" do
    server = serve(Load::APP)
    server.signal("STOP")
    sockets = Array.new(500) { |n| server.connect.tap { |socket| socket.write("GET /?#{n} HTTP/1.1\r\nhost: x\r\n\r\n") } }
    server.signal("CONT")
    expect(sockets.map { |socket| socket.read_response.body[/\d+/].to_i }).to eq((0...500).to_a)
    sockets.each(&:close)
  end

  it "F31: an app that forks under load disturbs nobody" do
    app = <<~'RUBY'
      run lambda { |env|
        Process.wait(fork { exit!(0) }) if env["PATH_INFO"] == "/fork"
        [200, {}, ["#{env["QUERY_STRING"]} #{Process.pid}"]]
      }
    RUBY
    server = serve(app, args: %w[-t 4:4])
    loads = Load.during(server, clients: 2) do |quick|
      forking = Load.during(server, clients: 2, path: "/fork", keep_alive: true) { |going| eventually(limit: 20) { going.answered > 200 } }
      expect(forking.failures).to be_empty
      expect(quick.answered).to be > 0
    end
    expect(loads.failures).to be_empty
    expect(children(server.pid)).to be_empty
  end
end
