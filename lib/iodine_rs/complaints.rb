# frozen_string_literal: true

module IodineRs
  # Keeps one kind of complaint down to one line a second.
  class Complaints
    include Monotonic

    # Seconds between two of them.
    PEACE = 1
    private_constant :PEACE

    # Whether it may be said again.
    def due?
      moment = now
      return false if @last && moment - @last < PEACE

      @last = moment
      true
    end
  end
end
