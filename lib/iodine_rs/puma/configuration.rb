# frozen_string_literal: true

module IodineRs
  module Puma
    # The settings of one server. It is `@config` in a configuration file, `config` of the launcher that plugins get, and
    # what scripts make to run a Launcher or a Server:
    #
    #   config = Puma::Configuration.new { |user| user.threads 1, 3 }
    #   config.clamp
    class Configuration
      # Passes the configuration to the app, as env["puma.config"].
      ConfigMiddleware = Struct.new(:config, :app) do
        def call(env)
          env[Const::PUMA_CONFIG] = config
          app.call(env)
        end
      end

      # What Puma's own code and others look up here.
      DEFAULTS = { min_threads: 0, max_threads: 5, tcp_port: Bind::DEFAULT_PORT, environment: "development", workers: 0,
                   rackup: "config.ru" }.freeze

      class << self
        # Some look at the class by its name.
        def name = "Puma::Configuration"
        alias to_s name

        # Around layers that exist already: no file is read for it.
        def around(*layers) = allocate.tap { |config| config.send(:take, layers) }

        # The host that stands for all interfaces.
        def default_tcp_host = Bind.default_host

        # The address of a port that is named without a host.
        def default_tcp_bind(port = Bind::DEFAULT_PORT) = Bind.port(port)

        # 32 random hexadecimal digits.
        def random_token
          require "securerandom"
          SecureRandom.hex(16)
        end
      end

      # See UserFileDefaultOptions.
      attr_reader :options

      # @yield [user, file, default] a DSL for each layer
      def initialize(user_options = {}, default_options = {}, _env = ENV)
        self.layers = [user_options, {}, default_options]
        yield(*dsls) if block_given?
        dsls.each(&:_offer_plugins)
      end

      # Runs the block as the constructor does.
      def configure
        yield(*dsls)
        dsls.each(&:_offer_plugins)
      end

      # Reads the configuration files: those that `config_files` names, or the usual ones.
      def load
        @loaded = true
        files = options.all_of(:config_files)
        options.file_options.merge!(ConfigFile.read(files.empty? ? nil : files, typed: options.user_options))
        options
      end

      # Reads the files, unless that has been done; from now on the settings are complete.
      def clamp
        load unless @loaded
        options
      end

      # The app: the object that was given, or the one of the rackup file.
      def app
        ConfigMiddleware.new(self, options[:app] || Rackup.app(options.to_options))
      end

      # Whether there is an app to serve.
      def app_configured? = !options[:app].nil? || File.exist?(rackup)

      def rackup = options[:rackup]
      def environment = options[:environment]
      def final_options = options.final_options

      # The plugins that the files name.
      def plugins = options.all_of(:plugins)

      private

      def take(layers)
        self.layers = layers
        @loaded = true
      end

      def layers=(layers)
        @options = UserFileDefaultOptions.new(*layers)
      end

      def dsls
        @dsls ||= [options.user_options, options.file_options, options.default_options].map { |layer| DSL.new(layer, config: self) }
      end
    end
  end
end
