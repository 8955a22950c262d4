# frozen_string_literal: true

module IodineRs
  # What `rackup -s iodine_rs` and others that know servers by name call. Extended by Rackup::Handler::IodineRs, and by
  # Rack::Handler::IodineRs on Rack 2.
  module RackHandler
    # What is so unless it is said otherwise.
    DEFAULT_OPTIONS = { Verbose: false, Silent: false }.freeze

    WITHOUT_PORT = %r{\A(?:ssl|tcp)://(?:\[[^\]]*\]|[^:/?]*)(?=\?|\z)}
    private_constant :WITHOUT_PORT

    # Serves until a signal ends it; yields the launcher before it starts. Options it does not know are for others.
    #
    # @param options Host, Port, Threads ("0:5"), Verbose, Silent, environment, config_files; `events` is a Puma::Events
    #   to be told; `user_supplied_options` names those that the user typed and that therefore win over a configuration file
    def run(app, **options)
      events = options[:events]
      launcher = events ? Puma::Launcher.new(config(app, options), events:) : Launcher.new(settings(options), app:)
      yield launcher if block_given?
      launcher.run
    end

    # The settings as Puma's handler gives them, for whoever makes a Puma::Server of them (Capybara).
    #
    # @return [Puma::Configuration]
    def config(app, options = {})
      Puma.offer
      named = DEFAULT_OPTIONS.merge(options.slice(*DEFAULT_OPTIONS.keys))
      first, *others = settings(options.transform_keys(&:to_sym)).layers
      Puma::Configuration.around(first.merge(named, app:), *others)
    end

    # For the help of `rackup -s iodine_rs`.
    def valid_options
      {
        "Host=HOST" => "Address to listen on, or the path of a Unix socket (default: localhost)",
        "Port=PORT" => "Port to listen on (default: #{Bind::DEFAULT_PORT})",
        "Threads=MIN:MAX" => "Threads for the app (default: 0:5)",
        "Verbose" => "Print a line for each request",
        "Silent" => "Print errors only"
      }
    end

    # Makes that host and port the only address of the DSL; without any it leaves what is there.
    #
    # @param host [String, nil] also the path of a Unix socket, or a whole address
    def set_host_port_to_config(host, port, config)
      return unless host || port

      config.clear_binds!
      config.bind(address(host, port))
    end

    # What these options amount to.
    #
    # @api private
    def settings(options)
      typed, given = options.partition { |name, _| typed?(name, options[:user_supplied_options]) }.map(&:to_h)
      # Host and Port make one address, whichever of them was typed.
      address = options.values_at(:Host, :Port)
      Options.new(layer(typed, *address), ConfigFile.read(options[:config_files], default_host: given[:Host], typed: layer(typed, *address)), layer(given, *address))
    end

    private

    # Without the list everything counts as typed.
    def typed?(name, names) = names.nil? || names.include?(name)

    def layer(options, host, port)
      layer = Options.layer(options.slice(*Options::TABLE.names).compact)
      dsl = DSL.new(layer)
      set_host_port_to_config(host, port, dsl) if options[:Host] || options[:Port]
      dsl.threads(*options[:Threads].to_s.split(":", 2)) if options[:Threads]
      # Rails' own, for what it has taken from the command line.
      dsl.restart_command(options[:restart_cmd]) if options[:restart_cmd]
      dsl.log_requests if options[:Verbose]
      dsl.silent if options[:Silent]
      layer
    end

    # A Host may also be the path of a Unix socket or a whole address, which may leave its port to Port.
    def address(host, port)
      port ||= Bind::DEFAULT_PORT
      case host
      when %r{\A[/.@]} then "unix://#{host}"
      when WITHOUT_PORT then host.sub(WITHOUT_PORT, "\\0:#{port}")
      when %r{://} then host
      else Bind.port(port, host)
      end
    end
  end
end
