# frozen_string_literal: true

module IodineRs
  module PubSub
    # A way to other servers: what `publish` is given as its engine, or `PubSub.default=`. What comes from there is
    # delivered by `IodineRs.publish(channel, message, IodineRs::PubSub::CLUSTER)`.
    #
    # After `PubSub.attach(engine)` it is told which channels have subscribers. In a cluster attach it in the master (in the
    # configuration file, or in an app that is preloaded): there it hears of the subscribers of all processes. The calls
    # come one after the other.
    class Engine
      # Publishes.
      def publish(to, message, binary: false)
        raise NotImplementedError, "#{self.class} has to say how a message is published"
      end

      # A channel has its first subscriber; `match` is :redis for a pattern, else nil.
      def subscribe(to, match = nil); end

      # A channel has no subscriber any more.
      def unsubscribe(to, match = nil); end
    end
  end
end
