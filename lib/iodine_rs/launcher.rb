# frozen_string_literal: true

module IodineRs
  # Runs one server in this process, from the banner to "Goodbye!".
  class Launcher
    attr_reader :options

    # @param app [#call, nil] nil loads what the options name
    def initialize(options, app: options[:app], log: Log.new(out: options[:silent] ? nil : $stdout))
      @options = options
      @app = app
      @log = log
      @events = Thread::Queue.new
      @signals = Signals.new(@events)
    end

    # Serves until a signal or `stop`. TERM ends the process as the signal does by default, so that whoever sent it
    # sees that it worked; as process 1, where that is impossible, and after INT it returns.
    def run
      reason = boot { await_end }
      raise SignalException, "SIGTERM" if reason == "TERM" && Process.pid != 1
    end

    # Finishes what has begun, then ends `run`. May be called in a signal handler.
    def stop = @events << "stop"

    # Ends `run` at once.
    def halt = @events << "QUIT"

    # The ports it listens on; none before `run` has come that far.
    def connected_ports = @server ? @server.connected_ports : []

    # Figures of the running server, see Server#stats.
    def stats = @server ? @server.stats : {}

    private

    def boot
      prepare
      Life.begin(self, @options)
      Life.enter(:pre_start)
      @server = Server.new(@app || Rackup.load(@options[:rackup]), options: @options, log: @log)
      listen
      pidfile = Pidfile.new(@options[:pidfile]).tap(&:write)
      Life.enter(:on_start)
      @server.run { @events << :stopped }
      yield
    ensure
      pidfile&.remove
      @server&.halt
      @signals.restore
      Life.enter(:on_finish)
      Life.end
    end

    def prepare
      $stdout.sync = $stderr.sync = true
      if @options[:workers].positive?
        raise BootError, "workers: cluster mode is not built yet; -w 0 serves from one process"
      end

      Dir.chdir(@options[:directory]) if @options[:directory]
      banner.each { |line| @log.info(line) }
    end

    def banner
      ["iodine-rs starting in single mode...",
       "* iodine-rs version: #{VERSION}",
       "* Ruby version: #{RUBY_DESCRIPTION}",
       "*  Min threads: #{@options[:min_threads]}",
       "*  Max threads: #{@options[:max_threads]}",
       "*  Environment: #{@options[:environment]}",
       "*          PID: #{Process.pid}"]
    end

    def listen
      @options[:binds].each do |address|
        @server.bind(address).each { |listener| @log.info("* Listening on #{listener}") }
      end
      addresses = @server.listeners.map(&:url).join(",")
      Process.setproctitle("iodine-rs #{VERSION} (#{addresses}) [#{@options[:tag]}]")
    end

    # Waits in Ruby, so that the app's own signal handlers run; returns what ended it.
    def await_end
      # Signals belong to the program that owns the main thread.
      @signals.install if Thread.current == Thread.main
      @log.info("Use Ctrl-C to stop")
      reason = nil
      until (event = @events.pop) == :stopped
        reason ? @server.halt : end_by(event)
        reason ||= event
      end
      @log.info("- Goodbye!")
      reason
    end

    def end_by(event)
      return @server.halt if event == "QUIT"

      @log.info("- Gracefully stopping, waiting for requests to finish")
      Life.enter(:start_shutdown)
      @server.stop
    end
  end
end
