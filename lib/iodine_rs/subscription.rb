# frozen_string_literal: true

module IodineRs
  # What `subscribe` was asked for, in all its forms.
  #
  # @!attribute to the channel as it was given
  # @!attribute name the same as a String
  # @!attribute pattern whether it is a pattern (`match: :redis`)
  # @!attribute binary whether messages are sent as binary frames (`as: :binary`)
  # @!attribute handler what is called with each message; nil sends it to the client
  Subscription = Data.define(:to, :name, :pattern, :binary, :handler) do
    class << self
      # @raise [ArgumentError] without a channel
      # @raise [TypeError] for a channel that is neither String nor Symbol, or options that are no Hash
      def parse(to, options, keywords, block)
        raise TypeError, "options have to be a Hash, not #{options.class}" unless options.nil? || options.is_a?(Hash)

        options = { **(options || {}), **keywords }
        to, options = nil, { **to, **options } if to.is_a?(Hash)
        to = options[:to] || options[:channel] if to.nil?
        new(to:, name: channel_name(to), pattern: pattern?(options), binary: options[:as]&.to_sym == :binary,
            handler: options[:handler] || block)
      end

      # The name of a channel.
      def channel_name(to)
        raise ArgumentError, "a channel is missing: subscribe(\"name\") or subscribe(to: \"name\")" if to.nil?
        raise TypeError, "a channel is a String or Symbol, not #{to.class}" unless to.is_a?(String) || to.is_a?(Symbol)

        to.to_s
      end

      # Whether the options make the channel a pattern.
      def pattern?(options) = options[:match]&.to_sym == :redis
    end
  end
end
