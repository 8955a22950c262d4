# frozen_string_literal: true

module IodineRs
  # What the life of a server is in one process as well as with workers: it obeys words (the names of signals, and
  # "stop"), and ends or begins anew. Single and Cluster serve.
  class Runner
    # Signals that are the server's.
    SIGNALS = [*%w[INT TERM QUIT HUP USR1 USR2], *ThreadBacktraces::SIGNAL].freeze

    # @param directory [String] where workers of a phased restart begin
    def initialize(options, binder:, log:, inbox:, redirect:, service:, admin:, directory:)
      @options = options
      @binder = binder
      @log = log
      @inbox = inbox
      @redirect = redirect
      @service = service
      @admin = admin
      @directory = directory
      @hooks = options[:hooks]
      @restart_file = RestartFile.new if options[:tmp_restart]
    end

    private

    # The last line for whoever started the server; what follows is for the logs.
    def announce_start
      @log.info("Use Ctrl-C to stop")
      @redirect.start if @redirect.any?
    end

    # Does what a word asks for. HUP opens the logs anew and reads the certificates; where there is neither it stops the
    # server, as it does for other programs.
    def obey(word)
      case word
      when "INT", "TERM", "QUIT", "stop" then stop(word)
      when "USR1" then phased_restart
      when "USR2" then restart
      when "HUP" then reopens? ? reopen_logs : stop(word)
      when ThreadBacktraces::SIGNAL then ThreadBacktraces.print(@log)
      end
    end

    # Whether there are logs or certificates to be read or opened anew.
    def reopens? = @redirect.any? || !@options[:access_log].nil? || @binder.tls? || @admin.tls?

    # And reads certificates, which workers to come get from here.
    def reopen_logs
      @redirect.reopen
      @redirect.mark
      [*@binder.reload_certificates(@log), *@admin.reload_certificates].each { |url| @log.info("* Reloaded the certificates of #{url}") }
    end

    def phased_restart
      @log.info("phased-restart called but not available, restarting normally")
      restart
    end

    # The sockets stay open: connections wait in the kernel for the next process.
    def restart
      return if @reason

      @binder.keep
      stop("USR2")
    end

    # The second time, or for QUIT, at once. A restart that is under way becomes an end.
    def stop(word)
      first = @reason.nil?
      at_once = word == "QUIT" || !first && !restarting?
      give_up_restart if restarting?
      @reason ||= word
      return cut_short if at_once

      finish if first
    end

    def give_up_restart
      @reason = nil
      @binder.release
      @service.stopping
    end

    # Stops where nobody has wanted anything for `idle_timeout`.
    def stop_idle
      @log.info("- Idle timeout reached")
      stop("stop")
    end

    # Tells the world that the end has begun.
    def announce_end(line)
      @log.info(line)
      restarting? ? @service.reloading : @service.stopping
      Life.enter(:start_shutdown)
    end

    def restarting? = @reason == "USR2"
  end
end
