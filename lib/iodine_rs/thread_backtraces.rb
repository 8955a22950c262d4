# frozen_string_literal: true

module IodineRs
  # What every thread of this process does at this moment.
  module ThreadBacktraces
    # The signal that asks for it: INFO where the system has it, else PWR.
    SIGNAL = %w[INFO PWR].find { |name| Signal.list.key?(name) }

    class << self
      # @return [Array<Hash>] name and backtrace of each
      def all
        Thread.list.map do |thread|
          name = ["Thread: TID-#{thread.object_id.to_s(36)}", *thread.name].join(" ")
          { name:, backtrace: thread.backtrace || ["<no backtrace available>"] }
        end
      end

      # Writes them to the log.
      def print(log)
        all.each do |thread|
          log.info(thread[:name])
          log.info(thread[:backtrace].map { |line| "  #{line}" }.join("\n"))
        end
      end
    end
  end
end
