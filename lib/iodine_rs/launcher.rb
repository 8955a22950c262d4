# frozen_string_literal: true

module IodineRs
  # Runs one server, as one process or as a cluster, from the banner to "Goodbye!".
  class Launcher
    attr_reader :options

    # @param app [#call, nil] nil loads what the options name
    def initialize(options, app: options[:app], log: Log.for(options))
      @options = options
      @app = app
      @log = log
      @inbox = Inbox.new
      @binder = Binder.new
      runner = cluster? ? Cluster : Single
      @signals = Signals.new(@inbox, runner::SIGNALS)
      @runner = runner.new(options, binder: @binder, log:, inbox: @inbox)
    end

    # Serves until a signal or `stop`. TERM ends the process as the signal does by default, so that whoever sent it
    # sees that it worked; as process 1, where that is impossible, and after INT it returns.
    def run
      reason = boot { @runner.run }
      raise SignalException, "SIGTERM" if reason == "TERM" && Process.pid != 1
    end

    # Finishes what has begun, then ends `run`. May be called in a signal handler.
    def stop = @inbox << "stop"

    # Ends `run` at once.
    def halt = @inbox << "QUIT"

    # The ports it listens on; none before `run` has come that far.
    def connected_ports = @binder.connected_ports

    # Figures of the running server, see Server#stats; those of a cluster by worker.
    def stats = @running ? @runner.stats : {}

    private

    def cluster? = @options[:workers].positive?

    def boot
      prepare
      Life.begin(self, @options, role: cluster? ? :master : :single)
      Life.enter(:pre_start)
      PubSub.default = PubSub::Redis.new(@options[:redis]) if @options[:redis]
      @runner.load(@app)
      listen
      pidfile = Pidfile.new(@options[:pidfile]).tap(&:write)
      # Signals belong to the program that owns the main thread.
      @signals.install if Thread.current == Thread.main
      @running = true
      yield.tap { @log.info("- Goodbye!") }
    ensure
      pidfile&.remove
      @runner.halt
      @binder.close
      @signals.restore
      Life.enter(:on_finish)
      Life.end
    end

    def prepare
      $stdout.sync = $stderr.sync = true
      Dir.chdir(@options[:directory]) if @options[:directory]
      banner.each { |line| @log.info(line) }
    end

    def banner
      ["iodine-rs starting in #{cluster? ? "cluster" : "single"} mode...",
       "* iodine-rs version: #{VERSION}",
       "* Ruby version: #{RUBY_DESCRIPTION}",
       "*  Min threads: #{@options[:min_threads]}",
       "*  Max threads: #{@options[:max_threads]}",
       "*  Environment: #{@options[:environment]}",
       *@runner.banner]
    end

    def listen
      @options[:binds].each do |address|
        @binder.bind(address).each { |listener| @log.info("* Listening on #{listener}") }
      end
      addresses = @binder.listeners.map(&:url).join(",")
      Process.setproctitle("iodine-rs #{VERSION} (#{addresses}) [#{@options[:tag]}]")
    end
  end
end
