# frozen_string_literal: true

require "monitor"

module IodineRs
  module PubSub
    # Who listens to what in this server, and which engines are told.
    module Engines
      @lock = Monitor.new
      @engines = []
      @sources = {}

      class << self
        # See PubSub.attach.
        def attach(engine)
          raise TypeError, "an engine is an IodineRs::PubSub::Engine, not #{engine.class}" unless engine.is_a?(Engine)

          @lock.synchronize do
            reset(engine) unless @engines.include?(engine)
            @engines |= [engine]
            watch
          end
          engine
        end

        # See PubSub.detach.
        def detach(engine) = @lock.synchronize { @engines.delete(engine) }

        # See PubSub.reset.
        def reset(engine)
          @lock.synchronize { @sources.each_key { |channel| tell(engine, :subscribe, *channel) } }
        end

        # A process, known by any object, has its first subscriber to a channel, or none any more.
        def note(source, name, pattern, subscribed)
          @lock.synchronize { subscribed ? join(source, [name, pattern]) : leave(source, [name, pattern]) }
        end

        # A process is gone.
        def forget(source)
          @lock.synchronize { @sources.keys.each { |channel| leave(source, channel) } }
        end

        private

        # The subscriptions of this process itself are told by a thread, which begins with the first engine.
        def watch
          return if @pid == Process.pid

          @pid = Process.pid
          PubSub.observe
          Thread.new { loop { note(:self, *PubSub.next_notice) } }.name = "iodine-rs engines"
        end

        def join(source, channel)
          first = !@sources.key?(channel)
          (@sources[channel] ||= Set.new) << source
          @engines.each { |engine| tell(engine, :subscribe, *channel) } if first
        end

        def leave(source, channel)
          return unless @sources[channel]&.delete?(source) && @sources[channel].empty?

          @sources.delete(channel)
          @engines.each { |engine| tell(engine, :unsubscribe, *channel) }
        end

        def tell(engine, what, name, pattern)
          engine.public_send(what, name, pattern ? :redis : nil)
        rescue StandardError, ScriptError => error
          warn "#{engine.class}##{what}: #{error.full_message(highlight: false)}"
        end
      end
    end
  end
end
