# frozen_string_literal: true

module IodineRs
  # How long a process has had nothing to do, by the figures it gives (see Server#stats).
  class Idleness
    include Monotonic

    # Figures that grow with every request and message.
    COUNTERS = %i[requests_count responses_1xx responses_2xx responses_3xx responses_4xx responses_5xx].freeze
    # Figures of what is going on.
    PRESENT = %i[busy_threads streams websockets event_streams].freeze
    private_constant :COUNTERS, :PRESENT

    def initialize
      @active = @looked = now
    end

    # Takes note of the figures of this moment.
    def look(stats)
      @looked = now
      counters = stats.values_at(*COUNTERS)
      @active = @looked if counters != @counters || stats.values_at(*PRESENT).compact.any?(&:positive?)
      @counters = counters
    end

    # Seconds from the last sign of work to the last look.
    def seconds = @looked - @active
  end
end
