# frozen_string_literal: true

require "open3"

# Directories of specs. Those that take longest come first, so that all lanes end at about the same time.
LONG_SPECS = %w[integration rack examples http puma faults realtime].map { |name| "spec/#{name}" }
SPECS = (LONG_SPECS | Dir["spec/**/*_spec.rb"].map { |path| path[%r{\Aspec/[^/]+}] }.sort)

# How many of them run at once: specs wait more than they compute.
LANES = Integer(ENV.fetch("LANES", 2))

# Runs rspec without the specs that have a task of their own, and prints at its end what it has printed. Returns the number
# of examples, or nil where one has failed.
def rspec(*paths, tag:)
  output, status = Open3.capture2e(RbConfig.ruby, "-S", "rspec", *paths, "--tag", "~gc_stress", "--tag", tag)
  puts "-- rspec #{paths.join(" ")} --tag #{tag}\n#{output}\n"
  output[/^(\d+) examples?,/, 1].to_i if status.success?
end

# The numbers of examples by directory; each lane takes the next one when it is done with one.
def rspec_in_lanes(directories)
  waiting = Queue.new(directories).close
  lanes = Array.new(LANES) do
    Thread.new do
      counts = {}
      while (directory = waiting.pop)
        counts[directory] = rspec(directory, tag: "~alone")
      end
      counts
    end
  end
  lanes.map(&:value).reduce(:merge)
end

desc "Run the specs against real server processes, LANES=2 directories at once; SPEC=path runs what is there"
task(spec: :compile) do
  $stdout.sync = true
  next ruby("-S", "rspec", ENV.fetch("SPEC")) if ENV.key?("SPEC")

  # What measures times that others would disturb comes behind them, alone.
  counts = rspec_in_lanes(SPECS).merge("alone" => rspec(*SPECS, tag: "alone"))
  failed = counts.select { |_, count| count.nil? }.keys
  abort "specs failed: #{failed.join(", ")}" if failed.any?
  puts "-- #{counts.values.sum} examples, 0 failures"
end

namespace :spec do
  desc "Run the specs marked gc_stress, with a garbage collection at every allocation of the app"
  task(gc_stress: :compile) do
    sh({ "GC_STRESS" => "1" }, RbConfig.ruby, "-S", "rspec", "--tag", "gc_stress")
  end
end
