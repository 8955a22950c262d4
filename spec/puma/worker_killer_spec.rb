# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# Gems that replace workers by their memory (puma_worker_killer) find the cluster among all objects and look into it.
RSpec.describe "A gem that ends workers" do
  # What such a gem does, from a thread of the master: `victim` of the workers is ended when the file "go" appears.
  killer = ->(victim) { <<~RUBY }
    before_fork do
      Thread.new do
        cluster = ObjectSpace.each_object(Puma::Cluster).first
        sleep 0.02 until File.exist?("go")
        workers = cluster.instance_variable_get(:@workers)
        workers.each { |worker| File.read("/proc/\#{worker.pid}/statm") }
        #{victim}
      end
    end
  RUBY
  hello = "run ->(_env) { [200, {}, [Process.pid.to_s]] }"

  %w[true false].each do |preload|
    it "§4.2, G-08: finds the workers, says what it does, and gets a successor for the one it ends (preload #{preload})" do
      server = cluster(hello, args: ["--set", "preload_app=#{preload}"], files: { "config/puma.rb" => killer.call(<<~RUBY) })
        worker = workers.max_by(&:pid)
        cluster.log "killer: sending TERM to \#{worker.pid} of \#{workers.size}"
        worker.term
      RUBY
      pids = booted(server)
      let_go(server)
      server.wait_for_stdout(/^\[#{server.pid}\] killer: sending TERM to #{pids.max} of 2$/)
      await_workers(server, 3)
      eventually { !alive?(pids.max) }
      expect(children(server.pid)).to contain_exactly(pids.min, booted(server).last)
      expect(server.stderr).not_to include("ended unexpectedly")
    end
  end

  it "§4.2: may go through all of them while the master replaces them" do
    server = cluster(hello, workers: 3, files: { "config/puma.rb" => killer.call(<<~RUBY) })
      workers.each do |worker|
        worker.term
        sleep 0.2
      end
      cluster.log "killer: done"
    RUBY
    let_go(server)
    server.wait_for_stdout(/killer: done/)
    await_workers(server, 4)
    expect(Http.get(server).body.to_i).to be > 1
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
  end
end
