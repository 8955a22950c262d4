# frozen_string_literal: true

require "iodine_rs/native"

module IodineRs
  # Publish and subscribe. The native core keeps the subscriptions of this process and writes publications to
  # connections without Ruby; here is who else gets to know of a publication.
  module PubSub
    autoload :Engine, "iodine_rs/pub_sub/engine"
    autoload :Engines, "iodine_rs/pub_sub/engines"
    autoload :Listeners, "iodine_rs/pub_sub/listeners"
    autoload :Redis, "iodine_rs/pub_sub/redis"

    class << self
      # The way to the workers, in the master of a cluster.
      #
      # @api private
      attr_accessor :relay

      # The way to other servers, once one has been made.
      #
      # @api private
      attr_accessor :redis

      # See IodineRs.subscribe.
      def subscribe(to = nil, options = nil, **keywords, &block)
        subscription = Subscription.parse(to, options, keywords, block)
        raise ArgumentError, "a block or `handler:` is missing: what should be done with messages?" unless subscription.handler

        Listeners.add(subscription)
        subscription.to
      end

      # See IodineRs.unsubscribe.
      def unsubscribe(from, options = nil, **keywords)
        Listeners.remove(Subscription.channel_name(from), Subscription.pattern?({ **(options || {}), **keywords }))
      end

      # See IodineRs.publish.
      def publish(channel = nil, text = nil, by = nil, to: channel, message: text, engine: by, as: nil)
        return publish(**to) if to.is_a?(Hash)
        raise ArgumentError, "a channel is missing: publish(\"name\", \"message\")" if to.nil?
        raise ArgumentError, "a message is missing: publish(\"name\", \"message\")" if message.nil?
        raise TypeError, "a message is a String, not #{message.class}" unless message.is_a?(String)

        engine = engine == false ? PROCESS : checked(engine) || default
        to = Subscription.channel_name(to)
        # Engines written for iodine take a channel and a message only.
        as&.to_sym == :binary ? engine.publish(to, message, binary: true) : engine.publish(to, message)
        true
      end

      # Publishes in every process of the server, and to other servers if `outward`.
      #
      # @api private
      def spread(to, message, binary, outward)
        deliver(to, message, binary, true, outward)
        relay&.publish(frame(to, message, binary, outward))
      end

      # Tells the engine, from now on, which channels have subscribers in this server: see Engine. Returns the engine.
      #
      # @raise [TypeError]
      def attach(engine) = Engines.attach(engine)

      # Tells it nothing more.
      def detach(engine) = Engines.detach(engine)

      # Tells it of all channels that have subscribers, once more: it may have forgotten them.
      def reset(engine) = Engines.reset(engine)

      # The engine of `publish` where none is named.
      def default = @default || CLUSTER

      # @param engine [Engine, nil] nil restores CLUSTER
      # @raise [TypeError]
      def default=(engine)
        @default = checked(engine)
      end

      private

      def checked(engine)
        return engine if engine.nil? || engine.is_a?(Engine) || engine.equal?(CLUSTER) || engine.equal?(PROCESS)

        raise TypeError, "an engine is an IodineRs::PubSub::Engine, not #{engine.class}"
      end
    end

    # Publishes in this process only.
    PROCESS = Object.new
    def PROCESS.publish(to, message, binary: false) = PubSub.deliver(to, message, binary, false, false)

    # Publishes in every process of the server.
    CLUSTER = Object.new
    def CLUSTER.publish(to, message, binary: false) = PubSub.spread(to, message, binary, false)
  end
end
