# frozen_string_literal: true

require "iodine_rs/native"

module IodineRs
  # A connection after its upgrade to WebSocket or server-sent events: what the callbacks of a handler set under
  # `env["rack.upgrade"]` get as their `client`. All methods may be called from any thread; none waits.
  class Connection
    # The draft's version of its publish and subscribe.
    PUBSUB_VERSION = 0
    # What a handler may answer to.
    CALLBACKS = %i[on_open on_message on_drained on_shutdown on_close].freeze
    # Codes that may be sent (RFC 6455 §7.4; 1012 to 1014 are IANA's).
    CODES = [1000..1003, 1007..1014, 3000..4999].freeze
    private_constant :PUBSUB_VERSION, :CALLBACKS, :CODES

    @warned = false

    class << self
      # Tells once that something is no String: the draft lets a server convert, and an app should know.
      def warn_once(object)
        return if @warned

        @warned = true
        warn "IodineRs::Connection#write got #{object.class} and sends its to_s; give it a String"
      end
    end

    # Sends a message: text if the String is UTF-8 or US-ASCII, binary if it is ASCII-8BIT. To an event stream it is
    # sent as an event, with a `data:` line for each of its lines; `id`, `event` and `retry` (milliseconds) are its
    # other fields.
    #
    # @return [Boolean] false where the connection is closed
    # @raise [ArgumentError] for an `id` or `event` that would end its line
    def write(data, fields = nil)
      unless data.is_a?(String)
        Connection.warn_once(data)
        data = data.to_s
      end
      # Not `**fields`: that would make a Hash for each of the messages that have none.
      fields ? write_event(data, **fields) : send_message(data)
    end

    # Closes after everything written has been sent, by default with 1000.
    #
    # @return [nil]
    # @raise [ArgumentError] for a code that no Close frame may have
    def close(code = 1000, reason = "")
      unless CODES.any? { |range| range.cover?(code) }
        raise ArgumentError, "close takes 1000 to 1014 without 1004 to 1006, or 3000 to 4999, not #{code.inspect}"
      end

      send_close(code, reason)
      nil
    end

    # Seconds of silence before the client is pinged; nil where the connection is closed.
    def timeout = (ping_interval if open?)

    # @raise [RangeError] outside of 0 to 255
    def timeout=(seconds)
      unless seconds.is_a?(Integer) && seconds.between?(0, 255)
        raise RangeError, "timeout takes whole seconds from 0 to 255, not #{seconds.inspect}"
      end

      self.ping_interval = seconds
    end

    # Calls another object's callbacks from now on: the old one's `on_close`, then the new one's `on_open`, in the
    # connection's order. nil or false closes. Nothing happens once the connection is closed.
    def handler=(object)
      return close unless object
      return if object.equal?(handler) || !open?

      change = ->(_) { switch_to(object) }
      in_callback? ? change.call(self) : defer_block(change)
    end

    # Subscribes to a channel; its messages are sent to the client, or given to the block (or `handler:`), which is
    # called with the channel's name and the message, in the connection's order.
    #
    #   client.subscribe("chat")
    #   client.subscribe("chat", as: :binary)
    #   client.subscribe("chat.*", match: :redis) { |channel, message| … }
    #   client.subscribe(to: "chat")
    #
    # @return [String, Symbol, nil] the channel as it was given; nil where the connection is closed
    def subscribe(to = nil, options = nil, **keywords, &block)
      subscription = Subscription.parse(to, options, keywords, block)
      return if subscription.binary && protocol == :sse

      done = subscribe_to(subscription.name, subscription.pattern, subscription.binary, subscription.handler)
      subscription.to if done
    end

    # Ends the subscription made by `subscribe` with this name.
    #
    # @return [Boolean, nil] whether there was one; nil where the connection is closed
    def unsubscribe(from, options = nil, **keywords)
      return unless open?

      name = Subscription.channel_name(from)
      pattern = Subscription.pattern?({ **(options || {}), **keywords })
      unsubscribe_from(name, pattern) || (!pattern && unsubscribe_from(name, true))
    end

    # As IodineRs.publish.
    def publish(...) = PubSub.publish(...)

    # The version of the publish and subscribe calls: an Integer, which counts as true.
    def pubsub? = PUBSUB_VERSION

    # Runs the block with the client (the handler, in the article's API) in the connection's order, while it is open.
    #
    # @return [Proc, false] the block, or false where the connection is closed
    def defer(&block)
      raise LocalJumpError, "no block given" unless block

      defer_block(block) && block
    end

    # `Last-Event-ID` of a client that reconnects.
    def last_event_id = env["HTTP_LAST_EVENT_ID"]

    def inspect = "#<#{self.class} #{conn_id} #{protocol}#{" closed" unless open?}>"

    # Takes the handler that the app left under `rack.upgrade`. A class that answers no callback itself is instantiated.
    #
    # @api private
    def adopt(object)
      object = object.new if object.is_a?(Class) && CALLBACKS.none? { |name| object.respond_to?(name) }
      attach(object, false)
    end

    # Takes the handler that the app left under `upgrade.websocket`: a class is instantiated, and the methods of
    # Websocket are mixed in.
    #
    # @api private
    def mix_into(object)
      attach(Websocket.attach(Websocket.extend_handler(object), self), true)
    end

    private

    # `retry` is a keyword of Ruby and cannot be read by its name.
    def write_event(data, id: nil, event: nil, **rest)
      milliseconds = rest.delete(:retry)
      raise ArgumentError, "unknown field: #{rest.keys.join(", ")}" if rest.any?
      return send_message(data) unless protocol == :sse

      send_event(data, id&.to_s, event&.to_s, milliseconds)
    end

    # What the old one raises is raised when the new one is there: it has been told, and is not told again.
    def switch_to(object)
      old = handler
      adopt(object)
      env["rack.upgrade"] = object unless env.frozen?
      tell(old, :on_close)
    ensure
      tell(handler, :on_open) unless handler.equal?(old)
    end

    def tell(object, callback)
      object.send(callback, self) if object.respond_to?(callback, true)
    end
  end
end
