# frozen_string_literal: true

require "etc"

module IodineRs
  # How many processors this process may use: a container's limit counts, where there is one.
  module Processors
    class << self
      # @param root [String] where the system's files are
      # @return [Integer] at least 1
      def available(root = "")
        limit = [Etc.nprocessors, version2(root), version1(root)].compact.min
        [limit.floor, 1].max
      end

      private

      # cgroup v2: "max 100000" or "150000 100000", quota and period.
      def version2(root)
        group = read("#{root}/proc/self/cgroup")[/^0::(.*)$/, 1]
        quota, period = [group, ""].compact.filter_map { |path| text(root, "#{path}/cpu.max") }.first&.split
        ratio(quota, period)
      end

      # cgroup v1: -1 is no limit.
      def version1(root)
        quota, period = %w[quota period].map { |name| text(root, "/cpu/cpu.cfs_#{name}_us") }
        ratio(quota, period)
      end

      def ratio(quota, period)
        quota, period = Integer(quota, exception: false), Integer(period, exception: false)
        quota / period.to_f if quota&.positive? && period&.positive?
      end

      def text(root, path)
        content = read("#{root}/sys/fs/cgroup#{path}").strip
        content unless content.empty?
      end

      def read(path)
        File.read(path)
      rescue SystemCallError
        ""
      end
    end
  end
end
