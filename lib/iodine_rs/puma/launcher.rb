# frozen_string_literal: true

require "forwardable"

module IodineRs
  module Puma
    # The running server as plugins know it; scripts also make one and `run` it.
    class Launcher
      extend Forwardable

      # The launcher for plugins, around the one that runs the server.
      def self.around(launcher) = allocate.tap { |facade| facade.send(:wrap, launcher) }

      attr_reader :log_writer, :events, :config, :options, :binder, :restart_dir

      def_delegators :@launcher, :run, :stop, :halt, :restart, :phased_restart, :stats, :connected_ports

      # @param config [Configuration]
      # @param arguments log_writer, events, argv
      def initialize(config, arguments = {})
        config.clamp
        @events = arguments[:events]
        @log_writer = arguments[:log_writer]
        log = @log_writer && Log.new(out: @log_writer.stdout, err: @log_writer.stderr)
        wrap(IodineRs::Launcher.new(config.options.to_options, argv: arguments[:argv] || [], facade: self, **{ log: }.compact))
        @config = config
      end

      # Yields name and backtrace of each thread.
      def thread_status
        ThreadBacktraces.all.each { |thread| yield thread[:name], thread[:backtrace] }
      end

      # Tells whoever has registered for it that the server is in that state now.
      def enter(state) = events.fire(:state, state)

      # Runs what plugins registered for the same moments as the hooks of the configuration file. A phased restart is no
      # affair of theirs: a second `after_booted` would start beside us once more what runs already.
      def join(hooks)
        booted = false
        { after_booted: :running, after_stopped: :stop, before_restart: nil }.each do |name, state|
          hooks.add(name, lambda { |*|
            next if booted && name == :after_booted

            booted = true
            events.fire(name)
            enter(state) if state
          })
        end
      end

      private

      # Plugins get their figures there. Neither of these may have been chosen by anybody.
      def tell_control_app
        return unless @launcher.control_address

        @options[:control_url] = @launcher.control_address
        @options[:control_auth_token] = @launcher.options[:control_token]
      end

      def wrap(launcher)
        @launcher = launcher
        @config ||= Configuration.around(*launcher.options.layers)
        @options = @config.options
        @events ||= options[:events] || Events.new
        @log_writer ||= LogWriter.new($stdout, launcher.log.err, log: launcher.log)
        @binder = Binder.new(@log_writer, binder: launcher.binder)
        @restart_dir = launcher.directory
        tell_control_app
        Puma.cli_config = @config
      end
    end
  end
end
