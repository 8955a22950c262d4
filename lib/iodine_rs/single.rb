# frozen_string_literal: true

module IodineRs
  # Serves from this process.
  class Single
    # Signals that are the server's.
    SIGNALS = [*%w[INT TERM QUIT HUP USR1 USR2], *ThreadBacktraces::SIGNAL].freeze

    def initialize(options, binder:, log:, inbox:, redirect:, service:, admin:)
      @options = options
      @log = log
      @inbox = inbox
      @binder = binder
      @redirect = redirect
      @service = service
      @admin = admin
      @words = []
      @restart_file = RestartFile.new if options[:tmp_restart]
    end

    # Lines of the banner.
    def banner = ["*          PID: #{Process.pid}"]

    # Makes the app ready, before anything listens.
    def load(app)
      @server = Server.new(app || Rackup.app(@options), options: @options, log: @log, binder: @binder)
    end

    # Serves until it is told to stop; returns the word that ended it.
    def run
      Life.enter(:on_start)
      PubSub.redis&.join(@options[:max_relay])
      @server.run { @inbox << :stopped }
      @log.info("Use Ctrl-C to stop")
      @options[:hooks].run(:after_booted, @log)
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
      reason = nil
      until (word = next_word) == :stopped
        next if word.nil? || reopened?(word) || reported?(word)

        reason ? @server.halt : end_by(word)
        reason ||= word == "USR1" ? "USR2" : word
      end
      reason
    end

    # nil where there is none yet.
    def next_word
      await_events if @words.empty?
      @words.shift
    end

    def await_events
      patience = [@service.patience, @admin.patience, *(RestartFile::INTERVAL if @restart_file)].compact.min
      readable, writable = IO.select([@inbox, *@admin.readers], @admin.writers, nil, patience)
      @admin.turn(readable || [], writable || [])
      @service.tick { "worker: #{ServiceManager.describe(@server.stats(begin_anew: false))}" }
      @words.concat(@inbox.take)
      @words << "USR2" if @restart_file&.touched?
    end

    # S-10: the signal that asks what the threads do.
    def reported?(word)
      ThreadBacktraces.print(@log) if word == ThreadBacktraces::SIGNAL
      word == ThreadBacktraces::SIGNAL
    end

    # HUP opens the logs anew, and reads the certificates; where there is neither it stops the server, as it does for other
    # programs.
    def reopened?(word)
      return false unless word == "HUP" && (@redirect.any? || @binder.tls?)

      @redirect.reopen
      @binder.reload_certificates(@log).each { |url| @log.info("* Reloaded the certificates of #{url}") }
      true
    end

    def end_by(word)
      return @server.halt if word == "QUIT"

      @log.info("phased-restart called but not available, restarting normally") if word == "USR1"
      @binder.keep if %w[USR1 USR2].include?(word)
      @log.info("- Gracefully stopping, waiting for requests to finish")
      %w[USR1 USR2].include?(word) ? @service.reloading : @service.stopping
      Life.enter(:start_shutdown)
      @options[:hooks].run(:after_stopped, @log) unless %w[USR1 USR2].include?(word)
      @server.stop
    end
  end
end
