# frozen_string_literal: true

require "socket"

module IodineRs
  module PubSub
    # Redis or Valkey as the way to other servers. A publication reaches the processes of this server at once and without
    # Redis, then goes to Redis; what others publish there reaches the subscribers here. One pair of connections for all
    # processes. Made by `--redis URL`, or in the configuration file:
    #
    #   IodineRs::PubSub.default = IodineRs::PubSub::Redis.new("redis://localhost:6379/0")
    class Redis < Engine
      # @param url [String] redis://user:password@host:port/database or unix:///path
      # @raise [ConfigError] for a URL that is none
      # @raise [Error] for a second one, and in a worker that is running already
      def initialize(url)
        raise Error, "there is a Redis already; one server has one" if PubSub.redis
        raise Error, "Redis.new belongs into config/iodine_rs.rb, or into an app with preload_app" if worker?

        RedisBridge.check(url)
        @url = url
        PubSub.redis = self
      rescue ArgumentError => error
        shown = url.sub(%r{//.*@}, "//(hidden)@")
        raise ConfigError, "redis: #{shown.inspect} is not accepted: #{error.message}"
      end

      # Publishes in this server and in all others.
      def publish(to, message, binary: false) = PubSub.spread(to, message, binary, true)

      # Told to the bridge by whoever passes publications on.
      def subscribe(to, match = nil) = PubSub.relay&.notify(to, !match.nil?, true)
      def unsubscribe(to, match = nil) = PubSub.relay&.notify(to, !match.nil?, false)

      # Connects the only process of a server.
      #
      # @api private
      def join(limit)
        ours, theirs = UNIXSocket.pair
        PubSub.join_relay(ours.fileno, limit)
        ours.close
        open(theirs)
      end

      # Begins to serve the socket.
      #
      # @api private
      def open(socket)
        @bridge = RedisBridge.new(@url, socket.fileno)
        socket.close
        @bridge.start
      end

      # Has no thread while the block runs, but for an attempt to connect that hangs: a fork copies nothing half-done.
      #
      # @api private
      def pause
        @bridge&.stop
        yield
      ensure
        @bridge&.start
      end

      private

      def worker? = Life.worker? && !Life.master?
    end
  end
end
