# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"
require_relative "../support/operator"

RSpec.describe "The control app" do
  hello = "run ->(_env) { [200, {}, ['hello']] }"
  open_to_all = %w[--control-url tcp://127.0.0.1:0 --control-token none]
  ok = '{ "status": "ok" }'

  it "C-05, C-06: asks for the token, anywhere in the query" do
    server = serve(hello, args: %w[--control-url tcp://127.0.0.1:0 --control-token s3cret])
    place = control(server)
    ["/stats", "/stats?token=", "/stats?token=s3cre", "/stats?token=S3cret", "/stats?xtoken=s3cret", "/stop?token=none",
     "/nothing"].each do |target|
      refused = ask(place, target)
      expect([refused.status, refused.body, refused["content-type"]]).to eq([403, "Invalid auth token", "text/plain"]), target
    end
    ["/stats?token=s3cret", "/stats?a=b&token=s3cret", "/stats?a=b;token=s3cret&c"].each do |target|
      expect(ask(place, target).status).to eq(200), target
    end
    expect(server.output).not_to include("s3cret")
  end

  it "D-61: listens by default on a socket in the temporary directory, under a random token" do
    server = serve(hello, files: { "config/puma.rb" => "activate_control_app\nstate_path 'state'" })
    path = control(server)
    state = IodineRs::StateFile.read("#{server.dir}/state")
    expect(path).to match(%r{/iodine-rs-status-\d+-#{server.pid}\z})
    expect(state["control_url"]).to eq("unix://#{path}")
    expect(state["control_auth_token"]).to match(/\A\h{32}\z/)
    expect(ask(path, "/gc?token=#{state["control_auth_token"]}").body).to eq(ok)
    expect(File.stat("#{server.dir}/state").mode & 0o777).to eq(0o600)
    expect(server.output).not_to include(state["control_auth_token"])
    server.signal("INT")
    server.wait_exit
    expect(File.exist?(path)).to be(false)
  end

  it "D-61: takes auth_token, no_token, umask and data_only" do
    config = 'activate_control_app "unix://control.sock?backlog=5", auth_token: "t/+=", umask: 0117'
    server = serve(hello, files: { "config/puma.rb" => config })
    expect(ask("#{server.dir}/control.sock", "/stats?token=t/+=").status).to eq(200)
    expect(File.stat("#{server.dir}/control.sock").mode & 0o777).to eq(0o660)
    server = serve(hello, files: { "config/puma.rb" => 'activate_control_app "0", { no_token: true, data_only: true }' })
    place = control(server)
    expect([ask(place, "/stats").status, ask(place, "/gc-stats").status]).to eq([200, 200])
    refused = ask(place, "/stop")
    expect([refused.status, refused.body]).to eq([404, 'Command "stop" unavailable'])
  end

  it "does not print the token with --check" do
    server = serve(hello, args: %w[--control-token s3cret --check], wait: false)
    server.wait_exit
    expect(server.stdout).to match(/^control_token +\(hidden\) +command-line$/)
    expect(server.output).not_to include("s3cret")
  end

  { "ftp://x" => /control_url: "ftp:\/\/x" is not accepted; it takes auto, a port of 127.0.0.1, tcp:/,
    "tcp://203.0.113.7:1" => /no interface of this machine has that address/ }.each do |url, message|
    it "ends at boot where it cannot listen on #{url}" do
      server = serve(hello, args: ["--control-url", url], wait: false)
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to match(message)
    end
  end

  it "warns where strangers could command the server" do
    warning = /! Whoever reaches it commands the server/
    expect(serve(hello, args: %w[--control-url tcp://0.0.0.0:0 --control-token none]).stdout).to match(warning)
    expect(serve(hello, args: %w[--control-url tcp://0.0.0.0:0]).stdout).not_to match(warning)
    expect(serve(hello, args: open_to_all).stdout).not_to match(warning)
  end

  it "listens on the loopback interface where only a port is given" do
    server = serve(hello, args: %w[--control-url 0])
    expect(server.stdout).to match(%r{Starting control server on http://127.0.0.1:\d+$})
  end

  it "A-02, A-03, A-05, A-06, A-07, A-08: answers as Puma does" do
    place = control(serve(hello, args: open_to_all))
    expect(JSON.parse(ask(place, "/gc-stats").body)).to include("count", "heap_live_slots")
    expect(ask(place, "/gc").body).to eq(ok)
    expect(ask(place, "/refork").then { |refused| [refused.status, refused.body] })
      .to eq([404, '{ "error": "refork not available" }'])
    expect(ask(place, "/reload-worker-directory").then { |refused| [refused.status, refused.body] })
      .to eq([404, '{ "error": "reload_worker_directory not available" }'])
    threads = JSON.parse(ask(place, "/thread-backtraces").body)
    expect(threads.map { |thread| thread["name"] }).to include(/\AThread: TID-\w+ iodine-rs server\z/)
    expect(threads).to all(include("backtrace" => include(String)))
    unknown = ask(place, "/puma/nothing")
    expect([unknown.status, unknown.body, unknown["content-type"]]).to eq([404, "Unsupported action", "text/plain"])
    expect(ask(place, "/any/path/gc").body).to eq(ok)
  end

  it "A-04, X-03: /stop finishes what has begun and ends with 0" do
    server = serve(ClusterMethods::WAITING, args: open_to_all)
    place = control(server)
    socket = waiting_request(server)
    expect(ask(place, "/stop").body).to eq(ok)
    server.wait_for_stdout(/Gracefully stopping/)
    expect(stats(place)[:busy_threads]).to eq(1)
    let_go(server)
    expect(socket.read_response.status).to eq(200)
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "A-04: /halt does not wait" do
    server = serve(ClusterMethods::WAITING, args: open_to_all)
    place = control(server)
    waiting_request(server)
    expect(ask(place, "/halt").body).to eq(ok)
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "A-05: /restart begins anew, with the control app where it was" do
    server = serve(hello, args: %w[--control-url unix://control.sock --control-token none])
    path = "#{server.dir}/control.sock"
    expect(ask(path, "/restart").body).to eq(ok)
    server.wait_for_stdout(/Restarting\.\.\..*Use Ctrl-C/m)
    expect(stats(path)[:running]).to eq(0)
    expect(Http.get(server).body).to eq("hello")
  end

  it "refuses browsers that other sites have sent" do
    place = control(serve(hello, args: open_to_all))
    expect(ask(place, "/stop", "Sec-Fetch-Site: cross-site\r\n").status).to eq(403)
    expect(ask(place, "/stats", "Sec-Fetch-Site: none\r\n").status).to eq(200)
  end

  it "is not held up by clients that say nothing, or too much" do
    server = serve(hello, args: open_to_all)
    place = control(server)
    silent = Array.new(16) { RawSocket.new(place) }
    expect(ask(place, "/gc").status).to eq(200)
    expect(silent.first.read_to_end).to eq("")
    expect(RawSocket.open(place) { |socket| socket.request("GET /#{"x" * 9000}") }.status).to eq(400)
    expect(RawSocket.open(place) { |socket| socket.request("\x16\x03\x01\r\n\r\n") }.status).to eq(400)
    expect(ask(place, "/gc").status).to eq(200)
  ensure
    silent&.each(&:close)
  end

  describe "of a cluster" do
    it "A-01, W-02: has the figures of all workers, which leave it to the master" do
      server = cluster(hello, args: [*open_to_all, "--set", "worker_check_interval=0.1"])
      place = control(server)
      3.times { Http.get(server) }
      figures = eventually { stats(place).then { |all| all if all[:worker_status].sum { |one| one[:last_status][:requests_count] } == 3 } }
      expect(figures).to include(workers: 2, booted_workers: 2, old_workers: 0, phase: 0)
      expect(figures[:worker_status].map { |one| one[:pid] }).to match_array(booted(server))
      sockets = booted(server).map { |pid| Dir.children("/proc/#{pid}/fd").map { |fd| File.readlink("/proc/#{pid}/fd/#{fd}") rescue "" } }
      listening = File.readlines("/proc/net/tcp").grep(/0100007F:#{format("%04X", place)} .* 0A /).map { |line| line.split[9] }
      expect(listening.size).to eq(1)
      expect(sockets.flatten).not_to include("socket:[#{listening.first}]")
    end

    it "A-05, A-06: /phased-restart replaces the workers" do
      server = cluster(hello, args: [*open_to_all, "--set", "preload_app=false"])
      place = control(server)
      before = booted(server)
      expect(ask(place, "/phased-restart").body).to eq(ok)
      await_workers(server, 4)
      eventually { stats(place).then { |all| all[:phase] == 1 && all[:old_workers].zero? } }
      expect(booted(server).last(2)).not_to include(*before)
      expect(ask(place, "/reload-worker-directory").body).to eq(ok)
    end

    it "adds no thread to the master" do
      server = cluster(hello, args: open_to_all)
      ask(control(server), "/stats")
      expect(Dir.children("/proc/#{server.pid}/task").size).to eq(Dir.children("/proc/#{cluster(hello).pid}/task").size)
    end

    it "A-04: /stop ends all of them" do
      server = cluster(hello, args: open_to_all)
      pids = booted(server)
      expect(ask(control(server), "/stop").body).to eq(ok)
      expect(server.wait_exit.exitstatus).to eq(0)
      expect(pids.any? { |pid| alive?(pid) }).to be(false)
    end
  end
end
