# frozen_string_literal: true

module IodineRs
  module PubSub
    # A way to other servers: what `publish` is given as its engine. What comes from there is delivered by
    # `IodineRs.publish(channel, message, false)`.
    class Engine
      # Publishes.
      def publish(to, message, binary: false)
        raise NotImplementedError, "#{self.class} has to say how a message is published"
      end
    end
  end
end
