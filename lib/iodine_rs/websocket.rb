# frozen_string_literal: true

require "iodine_rs/native"

module IodineRs
  # The methods of a handler set under `env["upgrade.websocket"]`: the handler is its connection. The server mixes this
  # module into the handler's class; methods that the class has itself win.
  #
  #   class Chat
  #     def on_message(data)
  #       write data
  #       each { |other| other.write data }
  #     end
  #   end
  #
  # All methods may be called from any thread; none waits. Before the connection is open, and after it is closed,
  # writing returns false.
  module Websocket
    # Mixed into the handler's class: the methods reach all connections, not only those of that class.
    module ClassMethods
      # Runs the block with the handler of every WebSocket of this process, in that connection's order.
      def each(&) = Websocket.each(&)

      # Runs the block with the handler of the connection with that `conn_id`; false where there is none.
      def defer(id, &) = Websocket.defer(id, &)

      # WebSockets of this process.
      def count = Websocket.count
    end

    class << self
      # Runs the block with the handler of every WebSocket of this process, in that connection's order.
      #
      # @return [self]
      def each(except: nil, &block)
        raise LocalJumpError, "no block given" unless block

        connections(except).each { |connection| connection.defer(&block) }
        self
      end

      # Writes to every WebSocket of this process for which the block, where there is one, returns true.
      #
      # @return [true]
      def each_write(data, except: nil)
        raise TypeError, "data has to be a String, not #{data.class}" unless data.is_a?(String)

        connections(except).each { |one| one.send_message(data) if !block_given? || yield(one.handler) }
        true
      end

      # Runs the block with the handler of the connection with that `conn_id`, in its order.
      #
      # @return [Proc, false] the block; false where there is no such connection
      def defer(id, &)
        connection = Connection.find(id)
        connection ? connection.defer(&) : false
      end

      # WebSockets of this process.
      def count = connections(nil).size

      # Makes an object a handler: an instance of the class, with these methods.
      #
      # @api private
      def extend_handler(object)
        handler = object.is_a?(Class) ? instantiate(object) : object
        if handler.frozen?
          raise AppError, "the handler #{handler.class} is frozen; the server has to keep the connection in it"
        end

        extend_alone(handler) unless handler.is_a?(Websocket) || (!handler.is_a?(Module) && mix_into(handler.class))
        handler
      end

      private

      def included(klass) = klass.extend(ClassMethods)

      def connections(except) = Connection.all.select { |one| one.protocol == :websocket && !one.equal?(except) }

      # Its `initialize` has the methods already.
      def instantiate(klass)
        mix_into(klass)
        klass.new
      end

      # A class that may be changed gets the methods once; else, which is nil, each handler gets them for itself.
      def mix_into(klass)
        return klass if klass.include?(Websocket)

        klass.include(Websocket) unless klass.frozen? || core?(klass)
      end

      # As where the class includes the module, what the handler has already wins.
      def extend_alone(handler)
        own = Websocket.instance_methods(false).select { |name| handler.respond_to?(name, true) }
        own = own.to_h { |name| [name, handler.method(name)] }
        handler.extend(Websocket)
        own.each { |name, method| handler.define_singleton_method(name, method) }
      end

      # Whether a class is Ruby's own (Object, Proc): all the program's objects of it would get the methods.
      def core?(klass)
        Object.const_source_location(klass.name.to_s) == []
      rescue NameError
        false
      end
    end

    # Callbacks that a handler need not have. Those of its superclass, and of modules that its class has included before,
    # are behind these.
    def on_open = (super if defined?(super))
    def on_ready = (super if defined?(super))
    def on_shutdown = (super if defined?(super))
    def on_close = (super if defined?(super))

    # Sends a message: text if the String is UTF-8 or US-ASCII, binary if it is ASCII-8BIT.
    #
    # @return [Boolean] false where the connection is not open
    # @raise [TypeError] for anything but a String
    def write(data)
      raise TypeError, "data has to be a String, not #{data.class}" unless data.is_a?(String)

      connection = Websocket.connection_of(self)
      connection ? connection.send_message(data) : false
    end

    # Closes after everything written has been sent.
    #
    # @return [self, false] false where there is no connection
    def close(code = 1000, reason = "")
      connection = Websocket.connection_of(self) or return false

      connection.close(code, reason)
      self
    end

    # Runs the block with the handler of every other WebSocket of this process, in that connection's order.
    #
    # @return [Proc] the block
    def each(&block)
      Websocket.each(except: Websocket.connection_of(self), &block)
      block
    end

    # Writes to every other WebSocket of this process for which the block, where there is one, returns true.
    #
    # @return [true]
    def each_write(data, &) = Websocket.each_write(data, except: Websocket.connection_of(self), &)

    # WebSockets of this process.
    def count = Websocket.count

    # Runs the block with this handler, or that of the connection with that `conn_id`, in its order.
    #
    # @return [Proc, false] the block; false where there is no such connection
    def defer(id = conn_id, &) = Websocket.defer(id, &)

    # Names the connection in this process; nil before it is attached.
    def conn_id = Websocket.connection_of(self)&.conn_id

    # Whether something written has not been taken by the system yet.
    def has_pending? = (Websocket.connection_of(self)&.pending || 0).positive?

    # False once the connection is closed or somebody asked to close it.
    def open? = Websocket.connection_of(self)&.open? || false

    # As Connection#subscribe.
    def subscribe(...) = Websocket.connection_of(self)&.subscribe(...)

    # As Connection#unsubscribe.
    def unsubscribe(...) = Websocket.connection_of(self)&.unsubscribe(...)

    # As IodineRs.publish.
    def publish(...) = PubSub.publish(...)
  end
end
