# frozen_string_literal: true

require "optparse"

module IodineRs
  # The command line, in Puma's spelling.
  #
  #   exit IodineRs::CLI.start(ARGV)
  class CLI
    # iodine's spelling of options with one dash.
    IODINE = %w[-www -public -maxms -max-msg -maxbd -max-body -maxhd -max-header -max-age -ping -tout -keep-alive -log -redis
                -port -threads -workers -bind -config -pidfile]
             .to_h { |word| [word, "-#{word}"] }.merge("-pid" => "--pidfile", "-warmup" => "--preload").freeze
    private_constant :IODINE

    # Serves as the arguments say; returns the status to exit with.
    def self.start(argv) = argv.first == "ctl" ? Ctl.new(argv.drop(1)).run : new(argv).run

    # @param argv [Array<String>]
    # @param env [Hash] ENV, or what a spec puts in its place
    def initialize(argv, env: ENV)
      @arguments = argv.dup.freeze
      @argv = argv.dup
      @env = env
      @layer = {}
      @dsl = DSL.new(@layer)
      @config_files = nil
      @load_path = []
      @plugins = []
    end

    # Every mistake of the user is one message on stderr and a 1.
    def run
      catch(:done) do
        chosen = options
        check(chosen) if @check
        @env["RACK_ENV"] = chosen[:environment]
        Launcher.new(chosen, argv: @arguments, started_in: @started_in).run
        0
      end
    rescue Error, OptionParser::ParseError, SystemCallError, LoadError => error
      warn "ERROR: #{error.message}#{"; `iodine-rs --help` lists the options" if error.is_a?(OptionParser::ParseError)}"
      1
    rescue Interrupt
      130
    end

    # The settings: the command line first, then the configuration file, then the defaults.
    def options
      parse
      @started_in = Launcher.shells_directory
      Dir.chdir(@layer[:directory]) if @layer[:directory]
      $LOAD_PATH.unshift(*@load_path.map { |path| File.expand_path(path) })
      load_plugins
      Options.new(@layer, ConfigFile.read(@config_files, typed: @layer, env: @env), env: @env)
    end

    private

    def parse
      files = parser.parse(@argv.map { |word| IODINE.fetch(word, word) })
      @dsl.rackup(files.shift) if files.any?
      raise ConfigError, "one rackup file is enough: #{files.join(" ")} is too much" if files.any?
    end

    # Only now: -I may tell where they are.
    def load_plugins
      Puma.claim
      @plugins.each { |name| @dsl.plugin(name) }
      @dsl._offer_plugins
    rescue StandardError => error
      raise if error.is_a?(Error)

      raise ConfigError, "--plugin: #{error.message} (#{error.class})"
    end

    def parser
      OptionParser.new do |o|
        o.banner = "Usage: iodine-rs [options] [config.ru]\n       iodine-rs ctl [options] COMMAND (see iodine-rs ctl --help)"
        o.separator ""
        listening(o)
        app(o)
        files(o)
        process(o)
        printing(o)
        puma(o)
        iodine(o)
      end
    end

    def listening(o)
      o.on("-b", "--bind ADDRESS", "Listen on #{Bind::ACCEPTS};", "may be repeated") { |address| @dsl.bind(address) }
      o.on("-p", "--port PORT", "Listen on that port of all interfaces (default: PORT or 9292)") do |port|
        @dsl.port(port)
      end
      o.on("--bind-to-activated-sockets [only]", "Listen also (or only) on systemd's sockets") do |only|
        @dsl.bind_to_activated_sockets(only || true)
      end
      o.on("-t", "--threads MIN:MAX", "Threads for the app (default 0:5); one number for both") do |range|
        @dsl.threads(*range.split(":", 2))
      end
      o.on("-w", "--workers COUNT", "Worker processes, or auto; 0, the default, serves from this one") { |n| @dsl.workers(n) }
    end

    def app(o)
      o.on("-e", "--environment NAME", "RACK_ENV (default: development)") { |name| @dsl.environment(name) }
      o.on("-I", "--include PATH", "Directories for $LOAD_PATH, separated by colons") do |path|
        @load_path += path.split(":")
      end
      o.on("--early-hints", "Give the app rack.early_hints") { @dsl.early_hints }
      o.on("-r", "--redis URL", "Publish to other servers through that Redis (default: IODINE_RS_REDIS_URL)") do |url|
        @dsl.redis(url)
      end
      o.on("--set NAME=VALUE", "Any option of the list below; may be repeated") { |pair| set(pair) }
    end

    def files(o)
      o.on("--public DIR", "--www DIR", "Serve the files of that directory before the app is asked") do |path|
        @dsl.public(path)
      end
      o.on("--max-age SECONDS", "How long a client may keep them without asking again") { |n| @dsl.public_max_age(n) }
    end

    def process(o)
      o.on("-C", "--config PATH", "Configuration file (default: config/iodine_rs.rb or config/puma.rb,", "each also as config/puma/ENVIRONMENT.rb); may be repeated,",
           "or a dash to read none") { |path| (@config_files ||= []) << path }
      o.on("--no-config", "Read no configuration file") { @config_files = [] }
      o.on("--dir PATH", "Change to that directory first") { |path| @dsl.directory(path) }
      o.on("--user NAME", "Become that user after listening, before the app is loaded (as root only)") { |name| @dsl.user(name) }
      o.on("--group NAME", "Become that group, instead of the user's own") { |name| @dsl.group(name) }
      o.on("--pidfile PATH", "Write the process id to that file while the server runs") { |path| @dsl.pidfile(path) }
      o.on("-S", "--state PATH", "Write the process id and others to that file") { |path| @dsl.state_path(path) }
      o.on("--control-url URL", "Let `iodine-rs ctl` and others command the server at that address, or auto") do |url|
        @dsl.control_url(url)
      end
      o.on("--control-token TOKEN", "What they have to know (default: a random one; none asks for nothing)") do |token|
        @dsl.control_token(token)
      end
      o.on("--metrics URL", "Serve figures for Prometheus at that address") { |url| @dsl.metrics(url) }
      o.on("-R", "--restart-cmd COMMAND", "Command of a hot restart") { |command| @dsl.restart_command(command) }
      o.on("--redirect-stdout FILE", "Send the standard output to that file") { |path| @dsl.redirect_stdout(path) }
      o.on("--redirect-stderr FILE", "Send the standard error to that file") { |path| @dsl.redirect_stderr(path) }
      o.on("--[no-]redirect-append", "Append to these files") { |append| @dsl.redirect_append(append) }
      o.on("--idle-timeout SECONDS", "Stop after so long without a request") { |seconds| @dsl.idle_timeout(seconds) }
      o.on("--worker-max-requests COUNT", "Replace a worker after so many requests") { |n| @dsl.worker_max_requests(n) }
      o.on("--worker-max-rss SIZE", "Replace a worker that has so much memory, like 512M") { |n| @dsl.worker_max_rss(n) }
      o.on("--preload", "Load the app once, before the workers are forked") { @dsl.preload_app! }
      o.on("--prune-bundler", "Leave the app to the workers; new gems need a hot restart") { @dsl.prune_bundler }
      o.on("--plugin NAME", "Load puma/plugin/NAME.rb; tmp_restart: restart when tmp/restart.txt is touched") { |name| @plugins << name }
      o.on("--tag NAME", "Text for the process title (default: name of the directory)") { |name| @dsl.tag(name) }
    end

    def printing(o)
      o.on("-v", "--log-requests", "Print a line for each request") { @dsl.log_requests }
      o.on("--access-log FILE", "Write these lines to that file; HUP opens it anew") { |path| @dsl.access_log(path) }
      o.on("--access-log-format FORMAT", "puma, common, combined, json, or a line with directives like %h") do |format|
        @dsl.access_log_format(format)
      end
      o.on("-q", "--quiet", "Print no line for each request (the default)") { @dsl.quiet }
      o.on("-s", "--silent", "Print errors only") { @dsl.silent }
      o.on("--check", "Check the configuration, print it with where each value comes from, and end") { @check = true }
      o.on("-V", "--version", "Print the version") { done("iodine-rs version #{VERSION}") }
      o.on("-h", "--help", "Print this") { done(o.help + option_list) }
    end

    # What iodine's users type, in its units.
    def iodine(o)
      o.separator ""
      o.separator "As iodine has them, also with one dash: -www, -max-age, -log, -pid, -warmup (--preload), and"
      o.on("--ping SECONDS", "ping_interval") { |n| @dsl.ping_interval(n) }
      o.on("--tout SECONDS", "--keep-alive SECONDS", "persistent_timeout") { |n| @dsl.persistent_timeout(n) }
      o.on("--maxms KB", "--max-msg KB", Integer, "max_message_size") { |n| @dsl.max_message_size(n * 1024) }
      o.on("--maxhd KB", "--max-header KB", Integer, "max_head_size") { |n| @dsl.max_head_size(n * 1024) }
      o.on("--maxbd MB", "--max-body MB", Integer, "http_content_length_limit") do |n|
        @dsl.http_content_length_limit(n * 1024 * 1024)
      end
      o.on("--log", "log_requests") { @dsl.log_requests }
    end

    # See DSL::PumaWords.
    def puma(o)
      o.separator ""
      o.separator "As Puma has them; nothing comes of them here:"
      o.on("-f", "--fork-worker=[REQUESTS]", "fork_worker") { @dsl.fork_worker }
      o.on("--extra-runtime-dependencies GEMS", "extra_runtime_dependencies") { |gems| @dsl.extra_runtime_dependencies(gems) }
      o.on("--debug", "debug") { @dsl.debug }
    end

    def done(text)
      puts text
      throw :done, 0
    end

    def check(options)
      read_certificates(options, options[:binds])
      %i[control_url metrics].each do |name|
        Admin.naming(name) { read_certificates(options, [*options[name]] - ["auto"]) }
      end
      done(options.report(%w[command-line file]))
    end

    # As at the start, but none is made.
    def read_certificates(options, addresses)
      encrypted = addresses.map { |address| Bind.parse(address) }.grep(Bind::SSL)
      encrypted.each { |address| TLS.new(address.tls) unless options.development? && !TLS.named?(address.tls) }
    end

    def set(pair)
      name, value = pair.split("=", 2)
      option = Options::TABLE.fetch(name)
      raise ConfigError, "--set #{name}: it takes NAME=VALUE" if value.nil?
      raise ConfigError, "--set #{name}: use --bind or a configuration file" unless option.text?

      @layer[option.name] = option.coerce(value)
    end

    def option_list
      rows = Options::TABLE.select(&:text?).group_by(&:section).map do |section, options|
        "\n#{section}:\n" + options.map { |option| format("  %-26s %s\n", option.name, option.doc) }.join
      end
      "\nOptions for --set NAME=VALUE (docs/configuration.md has defaults and accepted values)\n#{rows.join}"
    end
  end
end
