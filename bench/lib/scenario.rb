# frozen_string_literal: true

module Bench
  # One stream of equal requests: what a single wrk process sends.
  # +bytes+ is the size of the right answer; +requests+ ends a round early, by count.
  Load = Data.define(:name, :path, :connections, :bytes, :requests) do
    def initialize(name:, path:, connections:, bytes:, requests: nil) = super
  end

  # What is asked of every server: an app, the thread counts to try, the loads that run at once.
  Scenario = Data.define(:name, :title, :app, :threads, :loads) do
    def self.names = SCENARIOS.keys

    def self.fetch(name)
      SCENARIOS.fetch(name) { raise ArgumentError, "no scenario #{name.inspect}; there are: #{names.join(", ")}" }
    end

    # Throughput of different servers is comparable only where there is one load, run for a time.
    def throughput? = loads.one? && loads.first.requests.nil?
  end

  MEGABYTE = 1024 * 1024
  # The size of the file that BENCH_FILE names.
  FILE_BYTES = 10 * MEGABYTE

  SCENARIOS = [
    Scenario.new(name: "hello", title: "\"Hello World\", 64 connections", app: "hello.ru", threads: [1, 5],
                 loads: [Load.new(name: "hello", path: "/", connections: 64, bytes: 11)]),
    Scenario.new(name: "body_1mb", title: "A string of 1 MB, 16 connections", app: "body_1mb.ru", threads: [1, 5],
                 loads: [Load.new(name: "body", path: "/body_1mb", connections: 16, bytes: MEGABYTE)]),
    Scenario.new(name: "file_10mb", title: "A file of 10 MB (`to_path`), 16 connections", app: "file_10mb.ru",
                 threads: [1, 5],
                 loads: [Load.new(name: "file", path: "/file_10mb", connections: 16, bytes: FILE_BYTES)]),
    Scenario.new(name: "mixed", title: "Quick requests, sleepers (50 ms) and CPU burners (20 ms) at once",
                 app: "mixed.ru", threads: [5],
                 loads: [Load.new(name: "quick", path: "/quick", connections: 16, bytes: 4),
                         Load.new(name: "sleep", path: "/sleep", connections: 3, bytes: 4),
                         Load.new(name: "burn", path: "/burn", connections: 2, bytes: 4)]),
    Scenario.new(name: "tail", title: "The slowest of 10,000 quick requests, 100 connections", app: "hello.ru",
                 threads: [20],
                 loads: [Load.new(name: "hello", path: "/", connections: 100, bytes: 11, requests: 10_000)])
  ].to_h { |scenario| [scenario.name, scenario] }.freeze
end
