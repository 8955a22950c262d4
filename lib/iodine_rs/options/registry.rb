# frozen_string_literal: true

module IodineRs
  class Options
    # The rows of the table, by name and in order.
    class Registry
      include Enumerable

      # Runs the block with `section` and `option` as its words.
      def self.build(&)
        new.tap { |registry| registry.instance_eval(&) }.freeze
      end

      def initialize
        @rows = {}
      end

      # The options in the block stand under that heading.
      def section(title, native: false)
        @section = title
        @native = native
        yield
      end

      # Adds a row; see Option.
      def option(name, type, default, doc, **, &)
        @rows[name] = Option.new(name, section: @section, native: @native, type:, default:, doc:, **, &)
      end

      def each(&) = @rows.each_value(&)

      def names = @rows.keys

      # The option of that name (String or Symbol), or a ConfigError that suggests one.
      def fetch(name)
        @rows.fetch(name.to_sym) { raise ConfigError, "unknown option #{name}#{Options.suggest(name, names)}" }
      end
    end
  end
end
