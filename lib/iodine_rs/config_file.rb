# frozen_string_literal: true

module IodineRs
  # Reads configuration files: Ruby, run with the words of the DSL.
  module ConfigFile
    # Read when no other file is named: the first of them that is there, those of the environment before the others.
    NAMES = %w[config/iodine_rs config/puma].freeze

    class << self
      # The layer the files describe together.
      #
      # @param paths [Array<String>, nil] nil looks for NAMES; an empty Array, or a dash in it, reads nothing
      # @param typed [Hash] the layer above: what it says about workers decides which blocks run
      def read(paths = nil, default_host: nil, typed: {}, env: ENV)
        Puma.offer
        paths = paths ? paths - ["-"] : [*default(typed, env)]
        layer = {}
        dsl = DSL.new(layer, default_host:, config: Puma::Configuration.around(typed, layer, {}))
        while (path = paths.shift)
          evaluate(path, dsl)
          paths.concat(layer.delete(:more_files) || [])
        end
        choose_mode(dsl, layer, typed, env)
        coerced(layer)
      end

      # The words that choose the environment, and with it the file.
      def environment(typed, env)
        typed[:environment] || %w[APP_ENV RACK_ENV RAILS_ENV].filter_map { |name| env[name] }.find { |name| !name.empty? } || "development"
      end

      private

      def default(typed, env)
        candidates = NAMES.flat_map { |name| ["#{name}/#{environment(typed, env)}.rb", "#{name}.rb"] }
        candidates.find { |path| File.exist?(path) }
      end

      # `single` and `cluster` run behind all files, and must not turn the one into the other.
      def choose_mode(dsl, layer, typed, env)
        blocks = layer.delete(:modes) or return
        before = workers(layer, typed, env)
        blocks.each do |mode, block|
          next unless (mode == :cluster) == before.positive?

          path, line = block.source_location
          naming(path) { dsl.instance_eval(&block) }
          raise ConfigError, "#{path}:#{line}: workers: a block of `single` or `cluster` must not change it" if workers(layer, typed, env) != before
        end
      end

      def workers(*layers, env) = Options.new(*layers.reverse, env:)[:workers]

      def evaluate(path, dsl)
        path = File.expand_path(path)
        source = read_source(path)
        naming(path) do
          dsl._evaluate(source, path)
          dsl._offer_plugins
        end
      end

      def read_source(path)
        # As Ruby reads its files, whatever the locale: that of many containers and of cron knows ASCII only.
        File.read(path, encoding: "bom|utf-8")
      rescue SystemCallError => error
        raise ConfigError, "cannot read the configuration: #{error.message}"
      end

      # Tells with the place in that file what goes wrong in the block.
      def naming(path)
        yield
      rescue SyntaxError => error
        raise ConfigError, error.message
      rescue StandardError, ScriptError => error
        raise ConfigError, "#{place(path, error)}: #{error.message}#{" (#{error.class})" unless error.is_a?(Error)}"
      end

      # Files may also write to `@options`.
      def coerced(layer)
        known = layer.slice(*Options::TABLE.names)
        layer.merge!(Options.layer(known))
      end

      # The line of the file that went wrong, as far as it is known.
      def place(path, error)
        line = error.backtrace_locations&.find { |location| location.path == path }&.lineno
        [path, *line].join(":")
      end
    end
  end
end
