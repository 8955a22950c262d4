# frozen_string_literal: true

module IodineRs
  class Cluster
    # An app that cannot live must not keep the machine busy with forking: after a worker that died as soon as it served,
    # or before, the next one has to wait.
    class BackOff
      include Monotonic

      # Seconds of the first pause; twice as many each time, up to a limit.
      FIRST = 0.5
      LONGEST = 30
      private_constant :FIRST, :LONGEST

      def initialize(log)
        @log = log
        @failures = 0
        @forks_from = now
      end

      # Seconds until a worker may be forked; negative since then.
      def time_left = @forks_from - now

      # Whether a worker may be forked.
      def over? = now >= @forks_from

      # A worker died early, or could not be forked. Workers that die together count once.
      def failed
        return unless over?

        seconds = [FIRST * 2**@failures, LONGEST].min
        @failures += 1
        @forks_from = now + seconds
        @log.error("the next worker is forked in #{seconds} s")
      end

      # A worker lives. One that was here before the last failure says nothing about it.
      def lives(worker)
        @failures = 0 if worker.settled? && worker.started > @forks_from
      end
    end
  end
end
