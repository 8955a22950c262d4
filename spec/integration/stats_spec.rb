# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"
require_relative "../support/operator"

RSpec.describe "Stats" do
  nine = %i[backlog running pool_capacity busy_threads io_threads backlog_max max_threads requests_count reactor_max]
  timestamp = /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/
  open_to_all = %w[--control-url tcp://127.0.0.1:0 --control-token none]

  app = <<~'RUBY'
    run lambda { |env|
      case env["PATH_INFO"]
      when "/stats" then [200, {}, [IodineRs.stats]]
      when "/hash" then [200, {}, [IodineRs.stats_hash.keys.inspect]]
      when "/status" then [env["QUERY_STRING"].to_i, {}, []]
      else
        puts "waiting"
        sleep 0.01 until env["PATH_INFO"] != "/wait" || File.exist?("go")
        [200, {}, ["#{env["iodine_rs.queue_time"].class} #{env["iodine_rs.queue_time"]}"]]
      end
    }
  RUBY

  it "A-01, 4.2: has Puma's keys in Puma's order, then ours (single)" do
    server = serve(app, args: [*open_to_all, "-t", "1:3"])
    place = control(server)
    # One thread before there is work. A request that finds it busy, were it on its way here still, brings a second one.
    eventually { stats(place).values_at(:running, :requests_count) == [1, 0] }
    Http.get(server)
    # The client has its answer a moment before the thread is done.
    figures = eventually { stats(place).then { |all| all if all[:busy_threads].zero? } }
    expect(figures.keys.first(10)).to eq([:started_at, *nine])
    expect(figures).to include(started_at: timestamp, max_threads: 3, pool_capacity: 3, busy_threads: 0, backlog: 0,
                               io_threads: 0, requests_count: 1, backlog_max: 1, reactor_max: 1)
    expect(figures[:versions]).to eq(puma: IodineRs::Puma::Const::VERSION, iodine_rs: IodineRs::VERSION,
                                     ruby: { engine: RUBY_ENGINE, version: RUBY_VERSION, patchlevel: RUBY_PATCHLEVEL })
  end

  it "4.2: has Puma's keys (cluster)" do
    server = cluster(app, args: [*open_to_all, "--set", "worker_check_interval=0.1"])
    figures = eventually { stats(control(server)).then { |all| all if all[:worker_status].all? { |one| one[:last_status].any? } } }
    expect(figures.keys - %i[worker_restarts accept_queue])
      .to eq(%i[started_at workers phase booted_workers old_workers worker_status versions])
    worker = figures[:worker_status].first
    expect(worker.keys).to eq(%i[started_at pid index phase booted last_checkin last_status])
    expect(worker).to include(started_at: timestamp, last_checkin: timestamp, index: 0, phase: 0, booted: true)
    expect(worker[:last_status].keys.first(9)).to eq(nine)
    expect(worker[:last_status][:rss]).to be > 1_000_000
  end

  it "4.2: are there in a worker, with its own live figures" do
    server = cluster(app)
    figures = JSON.parse(Http.get(server, "/stats").body, symbolize_names: true)
    expect(figures).to include(busy_threads: 1, requests_count: 1, started_at: timestamp)
    expect(booted(server)).to include(figures[:pid])
    expect([0, 1]).to include(figures[:index])
  end

  it "4.2: are there in single mode, as JSON and as a Hash with Symbols" do
    server = serve(app)
    expect(JSON.parse(Http.get(server, "/stats").body)).to include("busy_threads" => 1, "requests_count" => 1)
    expect(Http.get(server, "/hash").body).to start_with("[:started_at, :backlog, :running")
  end

  it "4.2: are there in the master" do
    config = 'after_booted { puts "master: #{IodineRs.stats_hash.slice(:workers, :booted_workers)}" }'
    server = cluster(app, files: { "config/puma.rb" => config })
    server.wait_for_stdout(/master: .*workers.*2.*booted_workers.*2/)
  end

  it "are empty where no server runs" do
    expect([IodineRs.stats_hash, IodineRs.stats]).to eq([{}, "{}"])
  end

  # A request to the one thread that others keep.
  def waiting_in(socket) = socket.tap { socket.write("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n") }

  it "4.2: tells the maxima since they were last read, also those of several check-ins ago" do
    server = cluster(app, workers: 1, args: [*open_to_all, *%w[-t 1:1 --metrics 0 --set worker_check_interval=0.1]])
    taken = -> { ask(metrics_port(server), "/metrics").body[/requests_total\{worker="0"\} (\d+)/, 1].to_i }
    last = -> { stats(control(server))[:worker_status].first[:last_status] }
    sockets = Array.new(3) { server.connect.tap { |socket| socket.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n") } }
    sockets.each { |socket| waiting_in(socket) }
    eventually { last.call[:backlog] == 2 }
    last.call
    File.write("#{server.dir}/go", "")
    sockets.each(&:read_response)
    eventually { taken.call == 6 }
    Http.get(server)
    eventually { taken.call == 7 }
    expect(last.call).to include(backlog_max: 2, backlog: 0)
    eventually { last.call[:backlog_max].zero? }
  end

  it "tells how many connections wait in the kernel, where a cluster leaves them", if: RUBY_PLATFORM.include?("linux") do
    server = cluster(app, workers: 1, args: [*open_to_all, *%w[-t 1:1]])
    place = control(server)
    expect(stats(place)[:accept_queue]).to eq(0)
    sockets = [waiting_in(server.connect)]
    server.wait_for_stdout(/waiting/)
    sockets += Array.new(2) { waiting_in(server.connect) }
    eventually { stats(place)[:accept_queue] == 2 }
    File.write("#{server.dir}/go", "")
    sockets.each(&:read_response)
    expect(stats(place)[:accept_queue]).to eq(0)
  end

  it "counts responses by class, also those that no thread has seen" do
    server = serve(app, args: open_to_all)
    %w[201 302 404 410 503].each { |status| Http.get(server, "/status?#{status}") }
    server.connect.then { |socket| socket.request("BREW / HTTP/1.1\r\nhost: x\r\n\r\n") }
    server.connect.then { |socket| socket.request("GET / HTTP/1.1\r\n\r\n") }
    expect(stats(control(server))).to include(responses_2xx: 1, responses_3xx: 1, responses_4xx: 3, responses_5xx: 2,
                                              requests_count: 5)
  end

  describe "queue time" do
    it "is in the env, in milliseconds" do
      server = serve(app, args: [*open_to_all, "-t", "1:1"])
      expect(Http.get(server).body).to match(/\AFloat \d+\.\d+(e-\d+)?\z/)
      first = waiting_in(server.connect)
      server.wait_for_stdout(/waiting/)
      begun = Eventually.now
      second = server.connect.tap { |socket| socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n") }
      eventually { stats(control(server))[:backlog] == 1 }
      known = (Eventually.now - begun) * 1000
      eventually { (Eventually.now - begun) * 1000 > known + 50 }
      File.write("#{server.dir}/go", "")
      first.read_response
      waited = second.read_response.body.split.last.to_f
      expect(waited).to be_between(50, (Eventually.now - begun) * 1000)
      figures = stats(control(server))
      expect(figures[:queue_time]).to be >= waited * 1000
      expect(figures[:queue_times].sum).to eq(3)
      expect(figures[:queue_times].last(8).sum).to eq(1)
    end
  end

  describe "max_queue" do
    it "answers 503 with Retry-After where the queue is full, and counts it" do
      server = serve(app, args: [*open_to_all, *%w[-t 1:1 --set max_queue=2 --set queue_timeout=0]])
      sockets = [waiting_in(server.connect)]
      server.wait_for_stdout(/waiting/)
      sockets += Array.new(2) { waiting_in(server.connect) }
      eventually { stats(control(server))[:backlog] == 2 }
      refused = Http.get(server)
      expect([refused.status, refused["retry-after"], refused["connection"]]).to eq([503, "1", "close"])
      server.wait_for_stderr(/max_queue requests wait for a thread already/)
      expect(stats(control(server))).to include(responses_5xx: 1, backlog: 2)
      File.write("#{server.dir}/go", "")
      expect(sockets.map { |socket| socket.read_response.status }).to eq([200, 200, 200])
    end
  end

  describe "S-10: #{IodineRs::ThreadBacktraces::SIGNAL}" do
    it "prints what all threads do" do
      server = serve(app)
      waiting_in(server.connect)
      server.wait_for_stdout(/waiting/)
      server.signal(IodineRs::ThreadBacktraces::SIGNAL)
      server.wait_for_stdout(/^Thread: TID-\w+ iodine-rs worker 001\n  .*config\.ru:\d+/)
      expect(server.alive?).to be(true)
    end

    it "prints those of the master, and of a worker that gets it" do
      server = cluster(app)
      server.signal(IodineRs::ThreadBacktraces::SIGNAL)
      server.wait_for_stdout(/^\[#{server.pid}\] Thread: TID-\w+/)
      worker = booted(server).first
      Process.kill(IodineRs::ThreadBacktraces::SIGNAL, worker)
      server.wait_for_stdout(/^\[#{worker}\] Thread: TID-\w+ iodine-rs supervisor/)
      expect(alive?(worker)).to be(true)
    end
  end
end
