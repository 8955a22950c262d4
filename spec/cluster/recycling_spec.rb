# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"

RSpec.describe "Recycling of workers" do
  app = 'run ->(env) { ($kept ||= []) << "x" * 1_000_000 * env["QUERY_STRING"].to_i; [200, {}, [Process.pid.to_s]] }'
  often = %w[--set worker_check_interval=0.1]

  # Requests until the block is true; all of them have to succeed.
  def ask_until(server, path = "/")
    statuses = []
    eventually do
      statuses << Http.get(server, path).status
      yield
    end
    expect(statuses.uniq).to eq([200])
  end

  it "replaces a worker after worker_max_requests, and says why" do
    server = cluster(app, workers: 1, args: ["--worker-max-requests", "50", *often])
    first, = booted(server)
    ask_until(server) { booted(server).size > 1 && !alive?(first) }
    expect(server.stdout)
      .to match(/^\[#{server.pid}\] - Replacing worker 0 \(PID: #{first}\): it has served \d+ requests \(worker_max_requests\)$/)
    expect(children(server.pid)).to eq([booted(server).last])
    expect(server.stderr).to be_empty
  end

  it "replaces a worker that has more than worker_max_rss" do
    server = cluster(app, workers: 2, args: ["--worker-max-rss", "120M", *often])
    first = Http.get(server, "/?100").body.to_i
    server.wait_for_stdout(/- Replacing worker \d \(PID: #{first}\): it has \d{3} MiB of memory \(worker_max_rss\)/)
    await_workers(server, 3)
    eventually { !children(server.pid).include?(first) }
    expect(children(server.pid).size).to eq(2)
  end

  it "lets a worker serve until its successor does", :alone do
    slow_boot = 'sleep 0.5 if File.exist?("slow")'
    server = cluster("#{slow_boot}\n#{app}", workers: 1, args: ["--worker-max-requests", "5", *often], files: { "config/iodine_rs.rb" => <<~'RUBY' })
      before_worker_shutdown { puts "worker ends" }
    RUBY
    File.write("#{server.dir}/slow", "")
    longest = 0
    ask_until(server) do
      longest = [longest, timed { Http.get(server) }].max
      server.stdout.include?("worker ends")
    end
    expect(server.stdout).to match(/- Replacing.*booted.*worker ends/m)
    expect(longest).to be < 0.4
  end

  def timed
    began = Eventually.now
    yield
    Eventually.now - began
  end

  it "replaces one worker at a time" do
    server = cluster(app, workers: 3, args: ["--worker-max-requests", "3", "--set", "worker_recycle_jitter=0", *often])
    most = 0
    ask_until(server) do
      most = [most, children(server.pid).size].max
      booted(server).size >= 7
    end
    expect(most).to be <= 4
  end

  it "goes on with the old worker where the new one cannot boot" do
    server = cluster("raise 'no database' if File.exist?('broken')\n#{app}", workers: 1, args: ["--worker-max-requests", "3", *often])
    File.write("#{server.dir}/broken", "")
    ask_until(server) { server.stderr.include?("no database") }
    expect(Http.get(server).body.to_i).to eq(booted(server).first)
  end

  it "is done by limits that differ from worker to worker" do
    options = IodineRs::Options.new(IodineRs::Options.layer(worker_max_requests: 1000, worker_recycle_jitter: 50))
    limits = Array.new(50) do
      wear = IodineRs::Cluster::Wear.new(options)
      (1..1000).bsearch { |count| !wear.complaint({ responses_2xx: count }).nil? }
    end
    expect(limits).to all(be_between(500, 1000))
    expect(limits.uniq.size).to be > 10
  end

  it "refuses what is no size" do
    server = serve(app, args: %w[--worker-max-rss much], wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(/worker_max_rss: "much" is not accepted; it takes a number of bytes of at least 1, also with a unit/)
  end
end
