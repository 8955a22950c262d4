# frozen_string_literal: true

require "json"
require "open3"

module Bench
  # Runs wrk once and returns what its Lua side reports.
  module Wrk
    SCRIPT = File.expand_path("wrk_report.lua", __dir__)

    Result = Data.define(:requests, :seconds, :p50_ms, :p99_ms, :max_ms, :errors) do
      def per_second = requests / seconds
    end

    class Failed < StandardError; end

    def self.run(port, load, seconds:)
      count = load.requests ? { "BENCH_REQUESTS" => load.requests.to_s } : {}
      output, status = Open3.capture2e(count, "wrk", "-t1", "-c#{load.connections}", "-d#{seconds}s", "--latency",
                                       "-s", SCRIPT, "http://127.0.0.1:#{port}#{load.path}")
      report = output[/^BENCH (.*)$/, 1]
      raise Failed, "wrk: #{output}" unless status.success? && report

      Result.new(**JSON.parse(report, symbolize_names: true))
    end

    # nil where wrk is not installed.
    def self.version
      Open3.capture2e("wrk", "--version").first[/\Awrk \S+/]
    rescue Errno::ENOENT
      nil
    end
  end
end
