# frozen_string_literal: true

module IodineRs
  # What operators ask beside the app: the control app and the metrics, each at an address of its own. There is no thread
  # behind them: a master must have none when it forks. The main loop waits for `readers` and `writers`, and calls `turn`.
  class Admin
    autoload :Endpoint, "iodine_rs/admin/endpoint"
    autoload :Client, "iodine_rs/admin/client"
    autoload :Control, "iodine_rs/admin/control"
    autoload :Metrics, "iodine_rs/admin/metrics"

    # Means no token, as for Puma.
    NO_TOKEN = "none"
    LOCAL = %r{\A(?:unix:|(?:tcp|ssl)://(?:127\.|\[::1\]))}
    private_constant :LOCAL

    # The app has addresses, too: an error has to say whose it is.
    def self.naming(option)
      yield
    rescue SystemCallError, Error => error
      raise BootError, "#{option}: #{error.message}"
    end

    def initialize(launcher, options, log)
      @launcher = launcher
      @options = options
      @log = log
      @endpoints = []
    end

    # Listens where the options say.
    #
    # @raise [Error, SystemCallError] where that is impossible
    def open
      Admin.naming(:control_url) { open_control } if @options[:control_url]
      Admin.naming(:metrics) { open_metrics } if @options[:metrics]
    end

    # Where the control app listens, and what it asks for; nil where there is none.
    attr_reader :control_url, :control_token

    # Where the control app will listen, for plugins, which ask before it does; nil where there is none.
    def control_address
      return @options[:control_url] unless @options[:control_url] == "auto"

      @control_address ||= "unix://#{temporary_path}"
    end

    # The open sockets.
    def listeners = @endpoints.flat_map(&:listeners)

    # What to wait for.
    def readers = @endpoints.flat_map(&:readers)
    def writers = @endpoints.flat_map(&:writers)

    # Seconds until something has to be looked at without an event; nil for never.
    def patience = @endpoints.filter_map(&:patience).min

    # Moves what can be moved.
    def turn(readable, writable) = @endpoints.each { |endpoint| endpoint.turn(readable, writable) }

    # Whether any of it is encrypted.
    def tls? = @endpoints.any?(&:tls?)

    # Reads certificates and keys anew; returns the addresses that have others now.
    def reload_certificates = @endpoints.flat_map(&:reload_certificates)

    # Hangs up. A forked child closes its own copies only.
    def close
      @endpoints.each(&:close)
      @endpoints.clear
    end

    private

    def open_control
      @control_token = @options[:control_token] unless @options[:control_token] == NO_TOKEN
      control = Control.new(@launcher, token: @control_token, data_only: @options[:control_data_only])
      endpoint = add(address(control_address), control)
      @control_url = endpoint.url
      @log.info("* Starting control server on #{endpoint}")
      endpoint.notes.each { |note| @log.info("* #{note}") }
      warn_of_strangers(endpoint) unless @control_token
    end

    def warn_of_strangers(endpoint)
      return if endpoint.url.match?(LOCAL)

      @log.info("! Whoever reaches it commands the server: it asks for no token (control_token)")
    end

    def open_metrics
      endpoint = add(address(@options[:metrics]), Metrics.new(@launcher))
      @log.info("* Serving metrics on #{browsable(endpoint.url)}")
      endpoint.notes.each { |note| @log.info("* #{note}") }
    end

    def browsable(url)
      url.start_with?("unix") ? url : "#{url.sub("tcp:", "http:").sub("ssl:", "https:")}#{Metrics::PATH}"
    end

    def add(address, app)
      Endpoint.new(address, app, @log, development: @options.development?).tap { |endpoint| @endpoints << endpoint.open }
    end

    # A Unix socket is made under the umask of the process: whoever may not write to it cannot connect. Its path is for
    # others, who may be in another directory.
    def address(text)
      address = Bind.parse(text)
      return address unless address.is_a?(Bind::Unix)

      address.umask ||= @options[:control_umask] || File.umask
      address.path = File.expand_path(address.path) unless address.abstract?
      address
    end

    def temporary_path
      require "tmpdir"
      milliseconds = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
      "#{Dir.tmpdir}/iodine-rs-status-#{milliseconds}-#{Process.pid}"
    end
  end
end
