# frozen_string_literal: true

require "json"
require "net/http"
require_relative "summary"

module Bench
  # Everything of a server process that must not grow, counted at one moment.
  Census = Data.define(:memory_kib, :objects, :data, :strings, :threads, :tasks, :descriptors, :zombies) do
    # What may differ by a share of its size; of everything else there must not be one more.
    self::ELASTIC = %i[memory_kib objects data strings].freeze

    # @param running [RunningServer] of bench/apps/soak.ru
    def self.take(running)
      objects = JSON.parse(Net::HTTP.get("127.0.0.1", "/census", running.port), symbolize_names: true)
      process = "/proc/#{running.pid}"
      new(**objects, memory_kib: running.anonymous_kib, tasks: Dir.children("#{process}/task").size,
                     descriptors: Dir.children("#{process}/fd").size, zombies: zombies(running.pid))
    end

    def self.zombies(pid)
      File.read("/proc/#{pid}/task/#{pid}/children").split.count { |child| File.read("/proc/#{child}/stat").rpartition(")").last.start_with?(" Z") }
    end
    private_class_method :zombies

    # The names of what has grown from the first half of the censuses to the second, by more than that share. Medians: memory
    # is a little more or less from one moment to the next.
    def self.grown(censuses, share)
      halves = censuses.each_slice((censuses.size / 2.0).ceil).to_a
      members.select do |name|
        before, after = halves.map { |half| Summary.median(half.map(&name)) }
        after - before > (self::ELASTIC.include?(name) ? before * share : 0)
      end
    end
  end
end
