# frozen_string_literal: true

require "etc"
require_relative "wrk"

module Bench
  # What the figures depend on besides the servers.
  module Machine
    def self.facts
      ["#{Etc.nprocessors} cores (#{cpu_model}), #{memory_gib} GiB, #{Etc.uname[:sysname]} #{Etc.uname[:release]}",
       "#{RUBY_DESCRIPTION}, #{Wrk.version}"]
    end

    def self.cpu_model = File.read("/proc/cpuinfo")[/^model name\s*:\s*(.+)$/, 1] || Etc.uname[:machine]
    def self.memory_gib = (File.read("/proc/meminfo")[/^MemTotal:\s+(\d+)/, 1].to_i / 1024.0 / 1024).round(1)
    private_class_method :cpu_model, :memory_gib
  end
end
