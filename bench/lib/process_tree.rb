# frozen_string_literal: true

require "etc"

module Bench
  # A process with all its descendants, as /proc shows them: workers and helpers are part of a server.
  class ProcessTree
    TICKS_PER_SECOND = Etc.sysconf(Etc::SC_CLK_TCK).to_f
    # Positions after the command name: parent; then utime, stime and both of the children that ended.
    PARENT = 1
    CPU_TIMES = 11..14

    def initialize(root)
      @root = root
    end

    def cpu_seconds
      table = stat_table
      members(table).sum { |pid| table.fetch(pid)[CPU_TIMES].sum(&:to_i) } / TICKS_PER_SECOND
    end

    # Proportional set size: memory that processes share is counted once.
    def pss_kib = members(stat_table).sum { |pid| pss(pid) }

    # Memory that nobody shares: what it is does not depend on who else runs.
    def anonymous_kib = members(stat_table).sum { |pid| memory(pid, "Anonymous") }

    # Proportional set size of each descendant: the workers of a server that forks.
    def children_pss_kib = members(stat_table).drop(1).map { |pid| pss(pid) }

    private

    def pss(pid) = memory(pid, "Pss")

    def memory(pid, kind)
      File.read("/proc/#{pid}/smaps_rollup")[/^#{kind}:\s+(\d+) kB/, 1].to_i
    rescue SystemCallError
      0
    end

    def members(table)
      return [] unless table.key?(@root)

      children = table.keys.group_by { |pid| table.fetch(pid)[PARENT].to_i }
      found = [@root]
      found.each { |pid| found.concat(children.fetch(pid, [])) }
    end

    # The command name may contain blanks and brackets: the fields start after its last bracket.
    def stat_table
      Dir.each_child("/proc").grep(/\A\d+\z/).each_with_object({}) do |pid, table|
        table[pid.to_i] = File.read("/proc/#{pid}/stat").rpartition(")").last.split
      rescue SystemCallError
        next # it ended meanwhile
      end
    end
  end
end
