# frozen_string_literal: true

module IodineRs
  class Options
    # One row of the table.
    class Option
      # `section` is the heading it stands under; `doc` one sentence.
      attr_reader :name, :section, :type, :doc

      # @param default the value, or the words that describe what the block computes
      # @param native [Boolean] whether the native core gets it
      # @param secret [Boolean] whether its value must not be printed
      # @param merge [Boolean] whether the values of all layers count, instead of the first
      # @param trusted [Boolean] whether the default is taken as it is, also where it would not be accepted from a user
      # @param text [Boolean] whether it can be written as one text (`--set name=value`, one word of the DSL)
      def initialize(name, section:, type:, default:, doc:, native:, text: true, secret: false, merge: false,
                     trusted: false, &compute)
        @name = name
        @section = section
        @type = type
        @default = default
        @doc = doc
        @native = native
        @text = text
        @secret = secret
        @merge = merge
        @trusted = trusted
        @compute = compute
      end

      def native? = @native

      def text? = @text

      # The value as it may be printed.
      def show(value) = @secret && value ? "(hidden)" : value.inspect

      def merge? = @merge

      # Converts a value, or raises a ConfigError that names the option, the value and what is accepted.
      def coerce(value)
        type.call(value)
      rescue ArgumentError, TypeError
        raise ConfigError, "#{name}: #{show(value)} is not accepted; it takes #{type.accepts}"
      end

      # The default beside the other options' values.
      def default(options)
        return @default unless @compute

        value = @compute.call(options)
        @trusted ? value : coerce(value)
      rescue ConfigError => error
        # Of an environment variable, whose name stands in the words.
        raise ConfigError, "#{error.message} (the default: #{@default})"
      end

      # The default in words.
      def default_text
        case @default
        when nil then "none"
        when Array then @default.join(", ")
        else @default.to_s
        end
      end
    end
  end
end
