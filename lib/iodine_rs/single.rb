# frozen_string_literal: true

module IodineRs
  # Serves from this process.
  class Single < Runner
    # Seconds between two looks whether there is something to do, and the part of `idle_timeout` that they are at most.
    LOOK = 1
    LOOKS = 20
    private_constant :LOOK

    def initialize(options, **)
      super
      @words = []
    end

    # Lines of the banner.
    def banner
      idle = @options[:silence_fork_callback_warning] ? [] : Hooks::CLUSTER.select { |name| @hooks.any?(name) }
      ["*          PID: #{Process.pid}", *idle.map { |name| "* #{name} does not run: there are no workers" }]
    end

    # Makes the app ready, before anything listens.
    def load(app)
      @server = Server.new(app || Rackup.app(@options), options: @options, log: @log, binder: @binder)
    end

    # Serves until it is told to stop; returns the word that ended it.
    def run
      @idleness = Idleness.new
      Life.enter(:on_start)
      PubSub.redis&.join(@options[:max_relay])
      @server.run { @inbox << :stopped }
      announce_start
      @hooks.run(:after_booted, @log)
      @service.ready
      await_end
    end

    # Figures of the running server, see Server#stats.
    def stats = @server.stats

    # The same for Metrics, which has maxima of its own.
    def figures = { {} => @server.stats(begin_anew: false) }
    def server_figures = {}

    # Ends at once whatever still runs.
    def halt = @server&.halt

    private

    # Waits in Ruby, so that the app's own signal handlers run.
    def await_end
      until (word = next_word) == :stopped
        obey(word) if word
      end
      # Whoever supervises the process has to see that this was not meant.
      @reason or raise Error, "the server has ended without being told to: something has killed its threads"
    end

    # nil where there is none yet.
    def next_word
      await_events if @words.empty?
      @words.shift
    end

    def await_events
      readable, writable = IO.select([@inbox, *@admin.readers], @admin.writers, nil, patience)
      @admin.turn(readable || [], writable || [])
      @service.tick { "worker: #{ServiceManager.describe(@server.stats(begin_anew: false))}" }
      @words.concat(@inbox.take)
      @words << "USR2" if @restart_file&.touched?
      stop_idle if idle?
    end

    # Seconds until something has to be looked at without a word; nil for never.
    def patience
      idle = @options[:idle_timeout] unless @reason
      [@service.patience, @admin.patience, *(RestartFile::INTERVAL if @restart_file), *([idle / LOOKS.to_f, LOOK].min if idle)].compact.min
    end

    def idle?
      limit = @options[:idle_timeout]
      return false if limit.nil? || @reason

      @idleness.look(@server.stats(begin_anew: false))
      @idleness.seconds >= limit
    end

    def reopen_logs
      super
      @server.reopen_access_log
    end

    def cut_short = halt

    def give_up_restart
      super
      @hooks.run(:after_stopped, @log)
    end

    def finish
      announce_end("- Gracefully stopping, waiting for requests to finish")
      @hooks.run(:after_stopped, @log) unless restarting?
      @server.stop
    end
  end
end
