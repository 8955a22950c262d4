# frozen_string_literal: true

module IodineRs
  module PubSub
    # The blocks of IodineRs.subscribe: one thread calls them, one after the other.
    module Listeners
      @lock = Mutex.new
      @blocks = {}
      @numbers = {}
      @last = 0

      class << self
        # Subscribing to the same channel again replaces the block.
        def add(subscription)
          key = [subscription.name, subscription.pattern]
          @lock.synchronize do
            forget_parent
            number = @numbers[key] ||= @last += 1
            @blocks[number] = subscription.handler
            PubSub.listen(number, *key)
            # A block may have killed it.
            @thread = Thread.new { serve }.tap { |thread| thread.name = "iodine-rs subscriptions" } unless @thread&.alive?
          end
        end

        # Whether there was such a subscription.
        def remove(name, pattern)
          @lock.synchronize do
            number = @numbers.delete([name, pattern])
            @blocks.delete(number)
            number ? PubSub.unlisten(number, name, pattern) : false
          end
        end

        private

        # The subscriptions of a process end at its fork, and its threads with them.
        def forget_parent
          return if @pid == Process.pid

          @pid = Process.pid
          @thread = nil
          @blocks.clear
          @numbers.clear
        end

        def serve
          loop do
            number, channel, message = PubSub.next_delivery
            call(@lock.synchronize { @blocks[number] }, channel, message)
          end
        end

        # An exception, of whatever kind, is printed and ends nothing: others wait for the thread.
        def call(block, channel, message)
          block&.call(channel, message)
        rescue Exception => error
          warn "subscription to #{channel}: #{error.full_message(highlight: false)}"
        end
      end
    end
  end
end
