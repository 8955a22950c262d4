# frozen_string_literal: true

require "etc"

module IodineRs
  # What this process takes of the machine's memory.
  module Memory
    STATM = "/proc/self/statm"
    private_constant :STATM

    # Resident bytes; 0 where the system does not tell.
    def self.resident
      File.read(STATM).split[1].to_i * Etc.sysconf(Etc::SC_PAGESIZE)
    rescue SystemCallError
      0
    end
  end
end
