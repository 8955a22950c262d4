# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/releases"

RSpec.describe "Signals to a cluster" do
  app = ClusterMethods::WAITING

  { "TERM" => [nil, 15], "INT" => [0, nil] }.each do |signal, ending|
    it "S-01, S-02: #{signal} finishes what has begun and takes nothing new" do
      server = cluster(app)
      socket = waiting_request(server)
      server.signal(signal)
      server.wait_for_stdout(/- Gracefully shutting down workers.../)
      eventually { refused?(server.port) }
      let_go(server)
      expect(socket.read_response.status).to eq(200)
      status = server.wait_exit
      expect([status.exitstatus, status.termsig]).to eq(ending)
      expect(server.stdout).to end_with("[#{server.pid}] - Goodbye!\n")
    end
  end

  it "S-12: the second one ends it at once" do
    server = cluster(app)
    waiting_request(server)
    server.signal("INT")
    server.wait_for_stdout(/- Gracefully/)
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "S-03: QUIT ends it at once" do
    server = cluster(app)
    waiting_request(server)
    server.signal("QUIT")
    server.wait_exit
    expect(booted(server).none? { |pid| alive?(pid) }).to be(true)
  end

  it "S-02: a terminal's INT, which reaches every process, ends it gracefully" do
    server = cluster(app)
    socket = waiting_request(server)
    Process.kill("INT", -server.pid)
    server.wait_for_stdout(/- Gracefully/)
    let_go(server)
    expect(socket.read_response.status).to eq(200)
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "D-47: kills a worker that does not finish in time" do
    server = cluster(app, args: %w[--set worker_shutdown_timeout=0.5])
    waiting_request(server)
    server.signal("TERM")
    expect(server.wait_exit.termsig).to eq(15)
  end

  it "D-47: kills a worker that does not finish in time after a TERM from elsewhere, and replaces it" do
    server = cluster(app, workers: 1, args: %w[--set worker_shutdown_timeout=0.5])
    waiting_request(server)
    first = booted(server).first
    Process.kill("TERM", first)
    eventually { booted(server).size == 2 }
    expect(alive?(first)).to be(false)
    expect(server.stderr).to eq("")
  end

  it "S-07, W-06: TTIN adds a worker, TTOU takes the youngest one, and never the last" do
    server = cluster(app, workers: 1)
    server.signal("TTIN")
    first, second = await_workers(server, 2)
    server.signal("TTOU")
    eventually { children(server.pid) == [first] }
    server.signal("TTOU")
    expect(Http.get(server).body.to_i).to eq(first)
    expect(alive?(second)).to be(false)
  end

  # Requests on new connections by three clients while the block runs; returns their statuses.
  def statuses_during(server)
    statuses = Queue.new
    running = true
    clients = Array.new(3) { Thread.new { statuses << Http.get(server, "/").status while running } }
    yield
    running = false
    clients.each(&:join)
    Array.new(statuses.size) { statuses.pop }
  end

  it "S-04: USR1 replaces the workers one after another, without a lost request" do
    server = cluster(app, args: ["--set", "preload_app=false"])
    before = booted(server)
    statuses = statuses_during(server) do
      server.signal("USR1")
      await_workers(server, 4)
    end
    expect(statuses.tally.keys).to eq([200])
    expect(server.stdout).to include("- Starting phased worker restart, phase: 1\n", *before.map { |pid| "- Stopping #{pid} for phased upgrade...\n" })
    expect(children(server.pid) & before).to be_empty
  end

  it "S-04: USR1 leaves the other workers alone where the new code does not boot, and goes on when it does" do
    server = cluster(app, args: ["--set", "preload_app=false"])
    before = booted(server)
    code = File.read("#{server.dir}/config.ru")
    File.write("#{server.dir}/config.ru", "raise 'broken'")
    server.signal("USR1")
    server.wait_for_stderr(/worker 0 cannot boot: .*broken/)
    expect(Http.get(server).status).to eq(200)
    stopped = server.wait_for_stdout(/Stopping (\d+) for phased upgrade/)[1].to_i
    expect(children(server.pid)).to include(*(before - [stopped]))
    File.write("#{server.dir}/config.ru", code)
    await_workers(server, 4)
    eventually { !children(server.pid).intersect?(before) }
  end

  it "S-04: USR1 loads the app from where the link of a deployment points by then, and stays where that leads nowhere" do
    Releases.open do |releases|
      server = cluster("raise", args: ["--set", "preload_app=false", "--dir", releases.current])
      releases.unlink
      server.signal("USR1")
      server.wait_for_stderr(/no phased restart: No such file or directory .* #{releases.current}/)
      releases.point_to("two")
      server.signal("USR1")
      await_workers(server, 4)
      expect(Http.get(server).body).to eq("two")
    end
  end

  it "S-04, S-05: USR1 with a preloaded app is a hot restart, without a lost request" do
    server = cluster("puts 'loaded'\n#{app}")
    before = booted(server)
    statuses = statuses_during(server) do
      server.signal("USR1")
      await_workers(server, 4)
    end
    expect(statuses.tally.keys).to eq([200])
    expect(server.stdout).to include("phased-restart called but not available, restarting normally", "* Restarting...\n",
                                     "* Inherited tcp://127.0.0.1:#{server.port}\n")
    expect(server.stdout.scan("loaded").size).to eq(2)
    expect(children(server.pid) & before).to be_empty
  end

  it "S-05: USR2 is a hot restart of master and workers" do
    server = cluster(app)
    before = booted(server)
    server.signal("USR2")
    await_workers(server, 4)
    expect(booted(server).last(2)).to include(Http.get(server).body.to_i)
    expect(before.none? { |pid| alive?(pid) }).to be(true)
  end

  it "S-06: HUP without files of logs stops it gracefully" do
    server = cluster(app)
    socket = waiting_request(server)
    server.signal("HUP")
    server.wait_for_stdout(/- Gracefully/)
    let_go(server)
    expect(socket.read_response.status).to eq(200)
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "S-02, S-04, S-05, S-07: workers ignore what is meant for the master" do
    server = cluster(app)
    pids = booted(server)
    %w[INT USR1 USR2 TTIN TTOU].each { |name| pids.each { |pid| Process.kill(name, pid) } }
    expect(pids).to include(Http.get(server).body.to_i)
    expect(children(server.pid)).to match_array(pids)
    expect(server.stdout).not_to match(/Gracefully|phased worker restart|phased-restart/)
  end

  it "S-10: PWR prints the threads of the master, and of a worker that still loads the app" do
    server = serve("puts 'loading'; sleep", args: %w[-w 1])
    server.wait_for_stdout(/loading/)
    worker, = children(server.pid)
    [server.pid, worker].each do |pid|
      Process.kill("PWR", pid)
      server.wait_for_stdout(/^\[#{pid}\] Thread: TID-/)
    end
    server.wait_for_stdout(/^  .*config\.ru:1/)
  end

  { "TERM" => [nil, 15], "INT" => [0, nil] }.each do |signal, ending|
    it "S-01, S-02: #{signal} while workers load the app ends at once" do
      server = serve("puts 'loading'; sleep", args: %w[-w 2 --set preload_app=false])
      eventually { server.stdout.scan("loading").size == 2 }
      server.signal(signal)
      status = server.wait_exit
      expect([status.exitstatus, status.termsig]).to eq(ending)
    end
  end

  { "TERM" => [nil, 15], "INT" => [130, nil] }.each do |signal, ending|
    it "S-01, S-02: #{signal} while the master loads the app ends at once" do
      server = serve("puts 'loading'; sleep", args: %w[-w 2], wait: false)
      server.wait_for_stdout(/loading/)
      server.signal(signal)
      status = server.wait_exit
      expect([status.exitstatus, status.termsig]).to eq(ending)
    end
  end

  it "X-02: TERM ends with 0 where that is asked for" do
    server = cluster(app, args: %w[--set raise_exception_on_sigterm=false])
    server.signal("TERM")
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "S-11: leaves other signals to the app" do
    server = cluster("trap('WINCH') { puts 'winch' }\n#{app}")
    server.signal("WINCH")
    server.wait_for_stdout(/winch/)
  end
end
