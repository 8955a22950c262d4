# frozen_string_literal: true

require "etc"
require_relative "running_server"
require_relative "wrk"

module Bench
  # What one round of one server gave: a Wrk::Result for each load, and what the server used for all of them.
  # +foreign+ is the share of the machine that neither the server nor wrk used.
  Sample = Data.define(:results, :cpu_seconds, :pss_kib, :foreign) do
    def requests = results.sum(&:requests)
    def cpu_us_per_request = cpu_seconds * 1e6 / requests
    def calm? = foreign <= 0.1
  end

  # Servers in turn, round after round, so that a slow minute of the machine hits all of them alike.
  # Every round starts its server anew: the figures do not hang on one lucky process.
  class Runner
    def initialize(pace, env:, progress: $stderr)
      @pace = pace
      @env = env
      @progress = progress
    end

    # Returns { server => [Sample, …] } and { server => message } of those that failed.
    def run(scenario, servers, threads:)
      samples = servers.to_h { |server| [server, []] }
      failures = {}
      1.upto(@pace.rounds) do |round|
        samples.each_key do |server|
          next if failures.key?(server)

          samples[server] << calm_sample(scenario, server, threads)
          announce(scenario, server, threads, round, samples[server].last)
        rescue RunningServer::Failed, Wrk::Failed => error
          failures[server] = error.message
          @progress.puts error.message
        end
      end
      [samples.except(*failures.keys), failures]
    end

    private

    # A round that something else on the machine spoilt is played again, a few times.
    def calm_sample(scenario, server, threads)
      attempts = []
      attempts << play(scenario, server, threads) until attempts.size > @pace.repeats || attempts.last&.calm?
      attempts.min_by(&:foreign)
    end

    def play(scenario, server, threads)
      app = File.join(ROOT, "bench/apps", scenario.app)
      RunningServer.open(server, app:, threads:, env: @env) do |running|
        scenario.loads.each { |load| running.check(load) }
        fire(running, scenario.loads.map { |load| load.with(requests: nil) }, @pace.warm_up) if @pace.warm_up.positive?
        measure(running, scenario.loads)
      end
    end

    def measure(running, loads)
      own_before = Process.times
      busy_before = busy_seconds
      before = running.cpu_seconds
      started = now
      results = fire(running, loads, @pace.seconds)
      elapsed = now - started
      used = running.cpu_seconds - before
      ours = used + cpu_of(Process.times) - cpu_of(own_before)
      foreign = (busy_seconds - busy_before - ours) / (elapsed * Etc.nprocessors)
      Sample.new(results:, cpu_seconds: used, pss_kib: running.pss_kib, foreign: foreign.clamp(0.0, 1.0))
    end

    def fire(running, loads, seconds)
      loads.map { |load| Thread.new { Wrk.run(running.port, load, seconds:) } }.map(&:value)
    end

    # wrk is a child that has ended by the time this is read.
    def cpu_of(times) = times.utime + times.stime + times.cutime + times.cstime

    # The first line of /proc/stat: user nice system idle iowait irq softirq steal.
    def busy_seconds
      fields = File.read("/proc/stat").lines.first.split.drop(1).map(&:to_i)
      fields.values_at(0..2, 5..7).sum / ProcessTree::TICKS_PER_SECOND
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def announce(scenario, server, threads, round, sample)
      figures = format("%<requests>9d requests %<cpu>8.1f us each, slowest %<max>6.1f ms, others %<foreign>2.0f %%",
                       requests: sample.requests, cpu: sample.cpu_us_per_request, foreign: sample.foreign * 100,
                       max: sample.results.map(&:max_ms).max)
      @progress.puts format("%-10s t=%-2d round %d  %-10s", scenario.name, threads, round, server.name) + figures
    end
  end
end
