# frozen_string_literal: true

module IodineRs
  # Serves from this process.
  class Single
    # Signals that are the server's.
    SIGNALS = %w[INT TERM QUIT].freeze

    def initialize(options, binder:, log:, inbox:)
      @options = options
      @log = log
      @inbox = inbox
      @binder = binder
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
      await_end
    end

    # Figures of the running server, see Server#stats.
    def stats = @server.stats

    # Ends at once whatever still runs.
    def halt = @server&.halt

    private

    # Waits in Ruby, so that the app's own signal handlers run.
    def await_end
      reason = nil
      until (word = @inbox.pop) == :stopped
        reason ? @server.halt : end_by(word)
        reason ||= word
      end
      reason
    end

    def end_by(word)
      return @server.halt if word == "QUIT"

      @log.info("- Gracefully stopping, waiting for requests to finish")
      Life.enter(:start_shutdown)
      @server.stop
    end
  end
end
