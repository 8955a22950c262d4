# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "A cluster" do
  who = "run ->(_env) { [200, {}, [Process.pid.to_s]] }"
  waiting = ClusterMethods::WAITING

  it "§4.4: tells which restarts there are" do
    phased = cluster(who, args: %w[--set preload_app=false])
    expect(phased.stdout).to include("[#{phased.pid}] *     Restarts: (✔) hot (✔) phased (✖) refork\n")
    preloaded = cluster(who, args: %w[--preload])
    expect(preloaded.stdout).to include("[#{preloaded.pid}] *     Restarts: (✔) hot (✖) phased (✖) refork\n")
  end

  it "W-01, W-07: tells what runs, by its output and by titles" do
    server = cluster(who, args: ["--tag", "mine"])
    pids = booted(server)
    expect(server.stdout).to include("[#{server.pid}] iodine-rs starting in cluster mode...\n",
                                     "[#{server.pid}] *   Master PID: #{server.pid}\n", "*      Workers: 2\n")
    expect(server.stdout).to match(/^\[\d+\] - Worker 1 \(PID: \d+\) booted in \d\.\d\ds, phase: 0$/)
    expect(pids.map { |pid| title(pid) }).to match_array([0, 1].map do |index|
      "iodine-rs: cluster worker #{index}: #{server.pid} [mine]"
    end)
    expect(title(server.pid)).to match(%r{\Aiodine-rs \d+\.\d+\.\d+ \(tcp://127.0.0.1:\d+\) \[mine\]\z})
    expect(children(server.pid)).to match_array(pids)
  end

  it "W-10: has a master without threads of ours" do
    server = cluster(who)
    # One is Ruby's main thread, the other its timer.
    expect(Dir.children("/proc/#{server.pid}/task").size).to be <= 2
  end

  it "W-08: tells which threads a preloaded app has started, but for those that are marked, and its own" do
    server = cluster(<<~'RUBY' + who)
      IodineRs.subscribe("news") { }
      Thread.new { sleep }.name = "mine"
      Thread.new { sleep }.tap { |thread| thread.name = "safe" }.thread_variable_set(:fork_safe, true)
    RUBY
    expect(server.stdout).to match(/! WARNING: Detected 1 Thread\(s\) started in app boot:\n\[\d+\] ! #<Thread:\S+@mine /)
    expect(server.stdout).not_to include("safe")
  end

  it "W-08: says nothing where each worker loads the app" do
    server = cluster("Thread.new { sleep }\n#{who}", args: %w[--set preload_app=false])
    expect(server.stdout).not_to include("WARNING")
  end

  it "answers from all workers" do
    server = cluster(who)
    eventually { Array.new(20) { Http.get(server).body.to_i }.uniq.sort == booted(server).sort }
  end

  it "leaves a connection to the worker that has a free thread, every time" do
    server = cluster(waiting, args: ["-t", "1:1"])
    busy = waiting_request(server)
    answers = Array.new(20) { Http.get(server, "/").body.to_i }
    let_go(server)
    expect(answers.uniq.size).to eq(1)
    expect(busy.read_response.body.to_i).not_to eq(answers.first)
  end

  it "accepts nothing while every thread of every worker is busy, and goes on afterwards" do
    server = cluster(waiting, args: ["-t", "1:1"])
    busy = [waiting_request(server), waiting_request(server)]
    late = server.connect
    late.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    expect(late).to be_silent
    let_go(server)
    expect([*busy, late].map { |socket| socket.read_response.status }).to eq([200] * 3)
  end

  it "D-41: loads the app once for more than one worker, and in each of them where that is not wanted" do
    app = "puts \"loaded in \#{Process.pid}\"\n#{who}"
    server = cluster(app)
    expect(server.stdout.scan(/loaded in (\d+)/).flatten).to eq([server.pid.to_s])
    server = cluster(app, args: ["--set", "preload_app=false"])
    expect(server.stdout.scan(/loaded in (\d+)/).flatten.map(&:to_i)).to match_array(booted(server))
    server = cluster(app, workers: 1)
    expect(server.stdout.scan(/loaded in (\d+)/).flatten.map(&:to_i)).to match_array(booted(server))
  end

  it "V-01: takes the number of workers from WEB_CONCURRENCY, below -w" do
    expect(cluster(who, workers: 1, env: { "WEB_CONCURRENCY" => "3" }).stdout).to include("Workers: 1\n")
    server = serve(who, env: { "WEB_CONCURRENCY" => "2" })
    expect(await_workers(server, 2).size).to eq(2)
  end

  it "tells the app that several processes serve" do
    server = cluster('run ->(env) { [200, {}, [[env["rack.multiprocess"], IodineRs.worker?, IodineRs.master?, IodineRs.workers].inspect]] }')
    expect(Http.get(server).body).to eq("[true, true, false, 2]")
  end
end
