# frozen_string_literal: true

module IodineRs
  class Cluster
    # One worker, in its own process.
    class Worker
      # Signals that are the worker's. INT comes from a terminal to the whole group: the master tells what it means.
      SIGNALS = %w[TERM QUIT].freeze
      IGNORED = [*%w[INT USR1 USR2 TTIN TTOU], *ThreadBacktraces::SIGNAL].freeze
      # Seconds from the boot to the second check-in.
      FIRST_PAUSE = 0.2
      private_constant :SIGNALS, :IGNORED, :FIRST_PAUSE

      def initialize(index, phase, app:, options:, binder:, log:, redirect:)
        @index = index
        @phase = phase
        @app = app
        @options = options
        @binder = binder
        @log = log
        @redirect = redirect
        @master = Process.pid
        @started_at = Time.now
      end

      # Until it serves there is nothing to finish: signals end it, also those that came to the master's handlers.
      #
      # @param inbox [Inbox] the master's
      def self.end_at_once(inbox)
        SIGNALS.each { |name| Signal.trap(name) { exit!(0) } }
        exit!(0) if inbox.leave.intersect?(SIGNALS)
      end

      # Serves until the master tells it to stop.
      #
      # @param reporter [CheckIns::Reporter]
      # @param socket [UNIXSocket] the way of publications
      def run(reporter, socket)
        @reporter = reporter
        settle_in
        PubSub.join_relay(socket.fileno, @options[:max_relay])
        socket.close
        hooks.run(:before_worker_boot, @log, @index)
        serve
        hooks.run(:before_worker_shutdown, @log, @index)
        Life.enter(:on_finish)
      rescue Error, LoadError => error
        @log.error("worker #{@index} cannot boot: #{error.message}")
        exit 1
      end

      # For `IodineRs.stats`: the figures of this worker.
      def stats
        figures = @server&.stats(begin_anew: false) || {}
        Launcher.frame(@started_at, { pid: Process.pid, index: @index, phase: @phase, **figures })
      end

      # For `IodineRs.stop`: the whole server ends.
      def stop = Process.kill("INT", @master)

      private

      def hooks = @options[:hooks]

      def settle_in
        Process.setproctitle("iodine-rs: cluster worker #{@index}: #{@master}#{@options.title_suffix}")
        Signal.trap("CHLD", "DEFAULT")
        IGNORED.each { |name| Signal.trap(name, "IGNORE") }
        @inbox = Inbox.new
        # The logs at once, also while the app is loaded.
        Signal.trap("HUP") do
          reopen_logs
          @inbox << "HUP"
        end
        trap_dump
        Life.begin(self, @options, role: :worker)
        Life.enter(:after_fork)
        Life.enter(:enter_child)
      end

      def serve
        @server = Server.new(@app || Rackup.app(@options), options: @options, log: @log, binder: @binder)
        Life.enter(:on_start)
        Signals.new(@inbox, [*SIGNALS, *ThreadBacktraces::SIGNAL]).install
        @server.run { @inbox << :stopped }
        @server.die_with(@reporter.lifeline)
        check_in
        await_end
      ensure
        @server&.halt
      end

      def reopen_logs
        @redirect.reopen
        @server&.reopen_access_log
      end

      # Until it serves; a signal handler cannot take a lock, which a logger may need.
      def trap_dump
        Signal.trap(ThreadBacktraces::SIGNAL) { Thread.new { ThreadBacktraces.print(@log) } }
      end

      # A thread of Ruby's: it is silent when Ruby stands still, also where that is C's fault.
      def check_in
        @reporter.report("booted", @server.stats)
        Thread.new do
          # The first figures were taken before the threads had begun.
          pause = FIRST_PAUSE
          until @reporter.master_died?(pause)
            @reporter.report("alive", @server.stats)
            pause = report_interval
          end
          Life.enter(:on_parent_crush)
          @log.error("! Detected parent died, dying")
          exit!(1)
        end.name = "iodine-rs check-ins"
      end

      # An idle cluster should not be noticed too late.
      def report_interval
        idle = @options[:idle_timeout]
        [@options[:worker_check_interval], *(idle / Single::LOOKS.to_f if idle)].min
      end

      def await_end
        stopping = false
        until (word = @inbox.pop) == :stopped
          next @server.halt if word == "QUIT"
          next ThreadBacktraces.print(@log) if word == ThreadBacktraces::SIGNAL
          next @server.reload_certificates if word == "HUP"
          next if stopping

          stopping = true
          # Somebody else may have sent the signal; the master sees to it that the end comes in time.
          @reporter.report("stopping", @server.stats)
          Life.enter(:start_shutdown)
          @server.stop
        end
      end
    end
  end
end
