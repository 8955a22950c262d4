# frozen_string_literal: true

module IodineRs
  # For whoever measures time: a clock that never jumps.
  module Monotonic
    private

    # Seconds.
    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
