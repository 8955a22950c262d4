# frozen_string_literal: true

module IodineRs
  class Cluster
    # What the master knows about one worker.
    class WorkerHandle
      include Monotonic

      # Seconds between two TERMs to a worker that has not ended: one that is about to boot may miss the first.
      REMINDER = 0.2
      # Figures that are the largest since somebody last read them.
      MAXIMA = %i[backlog_max reactor_max].freeze
      # Seconds of service after which a worker's end has nothing to do with its beginning.
      SETTLED = 1
      private_constant :REMINDER, :MAXIMA, :SETTLED

      # `key` is another one for each worker; `index` is taken again. `started` is when it was forked, on the monotonic clock.
      # `worn_out` tells in words why it should be replaced, or is nil.
      attr_reader :key, :index, :pid, :phase, :started, :process_status, :figures, :worn_out

      def initialize(key, index, pid, phase, options)
        @key = key
        @index = index
        @pid = pid
        @phase = phase
        @options = options
        @started = @last_check_in = now
        @started_at = @told_at = Time.now
        @figures = {}
        @idleness = Idleness.new
        @wear = Wear.new(options)
      end

      # It serves.
      def booted = @booted = now

      def booted? = !@booted.nil?

      # It has served for a while.
      def settled? = booted? && now - @booted > SETTLED

      # It has told how it is.
      def check_in(stats)
        @last_check_in = now
        @told_at = Time.now
        @figures = @read ? stats : stats.merge(@figures.slice(*MAXIMA)) { |_name, new, old| [new, old].max }
        @read = false
        @idleness.look(stats)
        @worn_out = @wear.complaint(stats)
      end

      # It serves until its successor does.
      def step_down = @outgoing = true

      def outgoing? = @outgoing

      # Seconds it had had nothing to do when it last told.
      def idle_for = @idleness.seconds

      # Seconds since it was forked, up to its boot.
      def age = (@booted || now) - @started

      # Figures as they are printed by `stats`, under Puma's names.
      def status
        @read = true
        { started_at: Launcher.timestamp(@started_at), pid:, index:, phase:, booted: booted?,
          last_checkin: Launcher.timestamp(@told_at), last_status: figures }
      end

      # Seconds it may still be silent.
      def time_left = @last_check_in + limit - now

      # Whether it has been silent for too long.
      def timed_out? = time_left.negative?

      # What is wrong with it then.
      def complaint = "Worker #{index} failed to #{booted? ? "check in" : "boot"} within #{limit} seconds"

      # Asks it to finish what has begun and to end.
      def stop
        return if ending?

        @stopped = @reminded = now
        signal("TERM")
      end

      # As gems ask for it that watch the workers' memory.
      alias term stop

      # Whether the master wants its end.
      def ending? = !@stopped.nil?

      # Ends it at once.
      def kill
        @stopped ||= now
        @killed = true
        signal("KILL")
      end

      def killed? = @killed

      # Reminds a worker that should end, and kills it at the limit.
      def hurry_up
        return if !ending? || killed?
        return kill if now - @stopped > @options[:worker_shutdown_timeout]
        return if now - @reminded < REMINDER

        @reminded = now
        signal("TERM")
      end

      # Whether the process is gone.
      def ended?
        @process_status ||= Process.wait2(pid, Process::WNOHANG)&.last
        !@process_status.nil?
      rescue Errno::ECHILD
        # Somebody else has waited for it.
        true
      end

      # Tells it that its logs were moved away.
      def reopen_logs = signal("HUP")

      # Waits for the end of a worker that was killed.
      def await_end
        Process.wait(pid) unless ended?
      rescue Errno::ECHILD
        # Somebody else has waited for it.
      end

      private

      def signal(name)
        Process.kill(name, pid)
      rescue Errno::ESRCH
        # It has ended; the master will see.
      end

      def limit = @options[booted? ? :worker_timeout : :worker_boot_timeout]
    end
  end
end
