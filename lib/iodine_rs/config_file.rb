# frozen_string_literal: true

module IodineRs
  # Reads configuration files: Ruby, run with the words of the DSL.
  module ConfigFile
    # Read when no other file is named.
    DEFAULT = "config/iodine_rs.rb"

    class << self
      # The layer the files describe together.
      #
      # @param paths [Array<String>, nil] nil looks for DEFAULT; an empty Array reads nothing
      def read(paths = nil, default_host: nil)
        paths ||= File.exist?(DEFAULT) ? [DEFAULT] : []
        layer = {}
        paths.each { |path| evaluate(path, DSL.new(layer, default_host:)) }
        layer
      end

      private

      def evaluate(path, dsl)
        path = File.expand_path(path)
        dsl.instance_eval(File.read(path), path)
      rescue SystemCallError => error
        raise ConfigError, "cannot read the configuration: #{error.message}"
      rescue SyntaxError => error
        raise ConfigError, error.message
      rescue StandardError, ScriptError => error
        raise ConfigError, "#{place(path, error)}: #{error.message}#{" (#{error.class})" unless error.is_a?(Error)}"
      end

      # The line of the file that went wrong, as far as it is known.
      def place(path, error)
        line = error.backtrace_locations&.find { |location| location.path == path }&.lineno
        [path, *line].join(":")
      end
    end
  end
end
