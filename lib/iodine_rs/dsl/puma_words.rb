# frozen_string_literal: true

module IodineRs
  class DSL
    # What Puma's configuration files say, and our options say in other words or not at all. Rows of the catalogue are
    # named in spec/puma/words_spec.rb.
    module PumaWords
      # Old files use it as the path of the rackup file.
      DefaultRackup = "config.ru"

      # Accepted, with a line at boot that says why nothing happens.
      MOOT = {
        max_io_threads: "streaming bodies leave the pool by themselves, up to max_streams",
        fork_worker: "workers are forked from the master; preload_app shares memory in the same way",
        extra_runtime_dependencies: "it belongs to prune_bundler",
        before_refork: "no worker is forked from another one: it never runs",
        on_refork: "no worker is forked from another one: it never runs",
        after_refork: "no worker is forked from another one: it never runs",
        io_selector_backend: "the sockets are driven in Rust",
        nakayoshi_fork: "Puma has dropped it; the master collects garbage before it forks anyway",
        tcp_mode: "Puma has dropped it; requests are HTTP",
        tcp_mode!: "Puma has dropped it; requests are HTTP"
      }.freeze

      # Accepted in silence: there is nothing to know.
      SILENT = %i[wait_for_less_busy_worker debug].freeze

      # Where an address may come from, as a Symbol.
      PLACES = { socket: "socket", localhost: "127.0.0.1" }.freeze

      # Refused: the server would not do what the file counts on.
      REFUSED = {
        daemonize: "run it by systemd, or in a container; to stay in the background use `&`",
        worker_directory: "use `directory`"
      }.freeze

      MOOT.each do |word, why|
        define_method(word) do |value = true, *_others, **_named|
          note("#{word}: #{why}") if value
        end
      end

      SILENT.each { |word| define_method(word) { |*| nil } }

      REFUSED.each { |word, advice| define_method(word) { |*, **| raise ConfigError, "#{word}: #{advice}" } }

      # Leaves the app to the workers, so that a phased restart brings its new code.
      def prune_bundler(prune = true)
        note("prune_bundler: workers load the app, unless preload_app is set; new gems need a hot restart") if prune
        set(:prune_bundler, prune)
      end

      # Loads the app once, before the workers are forked.
      def preload_app!(preload = true) = preload_app(preload)

      # Forgets the addresses of this file so far.
      def clear_binds! = @options.delete(:binds)

      # Where `port` listens when it gets no host.
      def set_default_host(host)
        @default_host = host
      end

      attr_reader :default_host

      # `false`: a connection is accepted for one request.
      def queue_requests(queue = true) = queue || enable_keep_alives(false)

      # An older word for `fiber_per_request`.
      def clean_thread_locals(clean = true) = fiber_per_request(clean)

      # Which worker TTOU ends: the one with the highest number, which is the youngest.
      def worker_culling_strategy(strategy)
        note("worker_culling_strategy: the worker with the highest number ends") unless strategy.to_s == "youngest"
      end

      # An older word for `max_keep_alive`.
      def max_fast_inline(count) = max_keep_alive(count)

      # Where the address of the client comes from: :socket, :localhost, an address, `header: "X-Real-IP"`, or
      # `proxy_protocol: :v1` (or :v2).
      def set_remote_address(source = :socket, header: nil, proxy_protocol: nil)
        source = "header:#{header}" if header
        source = "proxy_protocol:#{proxy_protocol}" if proxy_protocol
        source = PLACES.fetch(source) { unknown_place(source) } if source.is_a?(Symbol)
        remote_address(source)
      end

      # Sends the standard output and error to files, which HUP opens anew.
      def stdout_redirect(stdout = nil, stderr = nil, append = false)
        set(:redirect_stdout, stdout)
        set(:redirect_stderr, stderr)
        set(:redirect_append, append)
      end

      # Answers with its own response what the app raised: gets the exception, the env and the status, as many as it
      # takes.
      def lowlevel_error_handler(handler = nil, &block) = set(:lowlevel_error_handler, handler || block)

      # Makes of each of the server's lines what is printed.
      def log_formatter(&block) = set(:log_formatter, block)

      # Gets the server's lines by its `write`.
      def custom_logger(logger) = set(:custom_logger, logger)

      # Lets `iodine-rs ctl`, `pumactl` and others command the server.
      #
      # @param url [String] an address, a port of 127.0.0.1, or "auto" for a Unix socket in the temporary directory
      # @param options [Hash] auth_token (default: a random one), no_token, umask of a Unix socket, data_only: figures and
      #   no commands
      def activate_control_app(url = "auto", options = {})
        unknown = options.keys - %i[auth_token no_token umask data_only]
        raise ConfigError, "activate_control_app: unknown option #{unknown.first}" if unknown.any?

        set(:control_url, url)
        set(:control_token, Admin::NO_TOKEN) if options[:no_token]
        set(:control_token, options[:auth_token]) if options[:auth_token] && !options[:no_token]
        set(:control_umask, options[:umask])
        set(:control_data_only, options.fetch(:data_only, false))
      end

      # Runs the block where one process serves.
      def single(&block) = later(:single, block)

      # Runs the block where workers do.
      def cluster(&block) = later(:cluster, block)

      # Reads one more file, after this one.
      def load(path) = (@options[:more_files] ||= []) << File.path(path)

      # What this file has set so far, or the default.
      def get(name, default = nil) = @options.fetch(name, default)

      # Runs the block with these words.
      def inject(&block) = instance_eval(&block)

      # Loads puma/plugin/NAME.rb. `tmp_restart` needs no file: it restarts the server when tmp/restart.txt is touched.
      def plugin(name)
        return set(:tmp_restart, true) if name.to_s == "tmp_restart"

        require "puma"
        require "puma/plugin"
        plugin = Puma.plugins.find(name).new
        (@options[:plugins] ||= []) << plugin
        (@new_plugins ||= []) << plugin
      end

      # Asks the plugins what they want to have configured, once the file has been read.
      def _offer_plugins
        @new_plugins&.each { |plugin| plugin.config(self) if plugin.respond_to?(:config) }
        @new_plugins = nil
      end

      private

      def unknown_place(source)
        raise ConfigError, "set_remote_address: #{source.inspect} is not accepted; it takes :socket, :localhost, an address, header: or proxy_protocol:"
      end

      def note(text) = (@options[:notes] ||= []) << text

      def later(mode, block)
        raise ArgumentError, "#{mode} takes a block" unless block

        (@options[:modes] ||= []) << [mode, block]
      end
    end
  end
end
