# frozen_string_literal: true

module IodineRs
  # Runs one server, as one process or as a cluster, from the banner to "Goodbye!", or to a hot restart: the same process
  # begins anew, with the same sockets.
  class Launcher
    ORIGINS = { nil => "Listening on", inherited: "Inherited", activated: "Activated" }.freeze
    # Where a hot restart leaves the sockets for the process after it.
    INHERITED = "IODINE_RS_INHERITED"
    # Sockets are left to one process once: nobody may take them again.
    LEFT = [INHERITED, "LISTEN_PID", "LISTEN_FDS"].freeze
    # States of a server that ends by these words, as plugins know them.
    ENDS = { "USR2" => :restart, "QUIT" => :halt }.freeze
    private_constant :ORIGINS, :INHERITED, :LEFT, :ENDS

    attr_reader :options, :log, :binder, :directory

    # @param app [#call, nil] nil loads what the options name
    # @param argv [Array<String>] what a hot restart gives to the program that runs now
    # @param facade [Puma::Launcher, nil] this launcher as plugins know it
    # @param started_in [String] the directory from which relative paths in `argv` count
    def initialize(options, app: options[:app], argv: ARGV.dup, log: Log.for(options), facade: nil,
                   started_in: Launcher.shells_directory)
      @options = options
      @app = app
      @log = log
      @inbox = Inbox.new
      @binder = Binder.new(**sockets_left, development: options.development?)
      @redirect = Redirect.new(options)
      @service = ServiceManager.new
      @started_in = started_in
      @directory = File.expand_path(options[:directory] || ".", started_in)
      @environment = environment
      @command = RestartCommand.new(options[:restart_command], argv, started_in)
      @facade = facade
      @admin = Admin.new(self, options, log)
      @privileges = Privileges.new(options)
      runner = cluster? ? Cluster : Single
      @signals = Signals.new(@inbox, signal_names(runner))
      @runner = runner.new(options, binder: @binder, log:, inbox: @inbox, redirect: @redirect, service: @service, admin: @admin,
                                    directory: @directory)
    end

    # Serves until a signal or `stop`. TERM ends the process as the signal does by default, so that whoever sent it
    # sees that it worked; as process 1, where that is impossible, and after INT it returns.
    def run
      reason = boot { @runner.run }
      begin_anew if reason == "USR2"
      return unless reason == "TERM" && Process.pid != 1 && @options[:raise_exception_on_sigterm]

      raise SignalException, "SIGTERM"
    end

    # Finishes what has begun, then ends `run`. May be called in a signal handler.
    def stop = @inbox << "stop"

    # Ends `run` at once.
    def halt = @inbox << "QUIT"

    # Finishes what has begun, then begins anew.
    def restart = @inbox << "USR2"

    # Replaces the workers one after another; without workers it is `restart`.
    def phased_restart = @inbox << "USR1"

    # The ports it listens on; none before `run` has come that far.
    def connected_ports = @binder.connected_ports

    # Changes to the directory of the server, whose name may lead elsewhere by now: workers that are forked from now on
    # begin there. Without workers nothing happens.
    #
    # @return [Boolean] whether it did
    def reload_worker_directory = cluster? && Dir.chdir(@directory).zero?

    # Where the control app is, or will be; nil where there is none.
    def control_address = @admin.control_address

    # Figures of the running server, see Server#stats; those of a cluster by worker. Puma's keys, and more.
    def stats = @running ? Launcher.frame(@started_at, { **@runner.stats, accept_queue: @binder.accept_queue }) : {}

    # Figures of each process that serves, by labels for Metrics.
    def figures = @running ? @runner.figures : {}

    # Figures of the server as a whole.
    def server_figures
      { uptime_seconds: Time.now - @started_at, accept_queue: @binder.accept_queue, **@runner.server_figures }
    end

    # Puts around figures what Puma has there. Its version is the one whose words and keys these are.
    def self.frame(started_at, figures)
      { started_at: timestamp(started_at), **figures,
        versions: { puma: Puma::Const::VERSION, iodine_rs: VERSION,
                    ruby: { engine: RUBY_ENGINE, version: RUBY_VERSION, patchlevel: RUBY_PATCHLEVEL } } }
    end

    # The present directory by its shell's name for it: that keeps symbolic links, which a deployment may have pointed
    # elsewhere meanwhile.
    def self.shells_directory
      shell = ENV.fetch("PWD", "")
      File.identical?(shell, ".") ? shell : Dir.pwd
    end

    # As it stands in Puma's figures.
    def self.timestamp(time) = time.getutc.strftime("%Y-%m-%dT%H:%M:%SZ")

    private

    def cluster? = @options[:workers].positive?

    # Sockets that the process before a hot restart or systemd (sd_listen_fds(3)) has opened for this process. Others that
    # it starts must not take them for theirs.
    def sockets_left
      inherited, pid, count = LEFT.map { |name| ENV.delete(name) }
      { inherited:, activated: pid.to_i == Process.pid ? count.to_i : 0 }
    end

    def signal_names(runner)
      ENV.key?("PUMA_SKIP_SIGUSR2") ? runner::SIGNALS - %w[USR2] : runner::SIGNALS
    end

    def boot
      # Signals belong to the program that owns the main thread.
      owner = Thread.current == Thread.main
      @signals.install_early if owner
      prepare
      Life.begin(self, @options, role: cluster? ? :master : :single)
      become_user if (changes_user = @privileges.any?)
      start_plugins
      PubSub.default = PubSub::Redis.new(@options[:redis]) if @options[:redis]
      @runner.load(@app)
      Life.enter(:pre_start)
      open_addresses unless changes_user
      pidfile = Pidfile.new(@options[:pidfile]).tap(&:write)
      write_state
      @signals.install if owner
      @started_at = Time.now
      @running = true
      Puma.plugins.fire_background if @options[:plugins].any?
      tell_plugins(:booting)
      reason = yield
      [*ENDS[reason], :done].each { |state| tell_plugins(state) }
      reason == "USR2" ? @signals.ignore : say_goodbye
      reason
    ensure
      pidfile&.remove
      @runner.halt
      @admin.close
      @binder.close
      @signals.restore
      Life.enter(:on_finish)
      Life.end
    end

    def write_state
      state = StateFile.new(@options[:state_path], @options[:state_permission])
      state.write(control_url: @admin.control_url, token: @admin.control_token)
    end

    def prepare
      Puma.offer
      Puma.inform_real
      Puma.cli_config = Puma::Configuration.around(*@options.layers) if Puma.offered? && @facade.nil?
      $stdout.sync = $stderr.sync = true if @options[:mutate_stdout_and_stderr_to_sync_on_write]
      Dir.chdir(@options[:directory]) if @options[:directory]
      AccessLog.new(@options).check
      [*banner, *@options[:notes].uniq.map { |note| "* #{note}" }].each { |line| @log.info(line) }
      @log.info(@options.report(%w[typed file])) if ENV.key?("PUMA_LOG_CONFIG")
    end

    def start_plugins
      return if @options[:plugins].empty? && @facade.nil?

      @facade ||= Puma::Launcher.around(self)
      @facade.join(@options[:hooks])
      @options[:plugins].each { |plugin| plugin.start(@facade) if plugin.respond_to?(:start) }
    end

    # Of a state that no hook stands for.
    def tell_plugins(state)
      @facade&.enter(state)
    rescue StandardError => error
      @log.warning("WARNING hook state failed with exception (#{error.class}) #{error.message}")
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

    # The marker is for whoever reads the log later.
    def say_goodbye
      @log.info(Redirect.marker("shutdown"))
      @log.info("- Goodbye!")
    end

    def listen
      given = @options[:bind_to_activated_sockets]
      binds = @options[:binds]
      # A file that says `only` also serves where there is no systemd, as with Puma.
      binds = binds.select { |address| @binder.activated?(address) } if given == "only" && @binder.activated?
      if binds.any? { |address| Bind.without_ipv6?(Bind.parse(address)) }
        @log.info("WARNING: IPv6 bind requested but no non-loopback IPv6 interface was detected; listening on 0.0.0.0")
      end
      listeners = binds.flat_map { |address| @binder.bind(address) }
      listeners += @binder.bind_activated if given
      listeners.each { |listener| @log.info("* #{ORIGINS[listener.origin]} #{listener}") }
      @binder.notes.each { |note| @log.info("* #{note}") }
      @binder.close_unused.each { |listener| @log.info("* Closing unused #{listener}") }
      addresses = @binder.listeners.map(&:url).join(",")
      Process.setproctitle("iodine-rs #{VERSION} (#{addresses})#{@options.title_suffix}")
    end

    def open_addresses
      listen
      @admin.open
    end

    # What only root may open or read comes before, the app after.
    def become_user
      open_addresses
      @privileges.hand_over(@options.values_at(:pidfile, :state_path, :redirect_stdout, :redirect_stderr, :access_log).compact)
      @privileges.hand_over_sockets([*@binder.listeners, *@admin.listeners].filter_map(&:path))
      @log.info(@privileges.drop)
    end

    # --- Hot restart ------------------------------------------------------------------------------------------------

    def begin_anew
      @log.info("* Restarting...")
      ENV.replace(@environment)
      @options[:hooks].run(:before_restart, @log, self)
      inherited, descriptors = @binder.bequeath
      enter_restart_directory
      Process.exec({ INHERITED => inherited }, *@command, { close_others: true }.merge(descriptors))
    end

    # Relative paths among the arguments count from where the server was started. The user that it has become may not be
    # let in there, and has no use for such paths.
    def enter_restart_directory
      Dir.chdir(@options[:restart_command] ? @directory : @started_in)
    rescue Errno::EACCES
      Dir.chdir(@directory)
    end

    # What the server was started with. What the app and the configuration have put there must not come back as if from
    # outside (Dotenv keeps what it finds), nor what Bundler has added; but Bundler itself has to. Without a Gemfile,
    # `-rbundler/setup` defines no more than its name. Bundler remembers also which sockets systemd had left for a process
    # of this number, and it stays the same.
    def environment
      return ENV.to_h unless defined?(Bundler) && Bundler.respond_to?(:original_env)

      env = Bundler.original_env.except(*LEFT)
      options = env["RUBYOPT"].to_s.split
      env.merge("RUBYOPT" => (options | ["-rbundler/setup"]).join(" "))
    end
  end
end
