# frozen_string_literal: true

module IodineRs
  module Puma
    # Moments of a server's life: `after_booted`, `before_restart`, `after_stopped`, and `:state` with one of :booting,
    # :running, :stop, :halt, :restart, :done.
    class Events
      # Each with the older word for it.
      NAMES = { after_booted: :on_booted, before_restart: :on_restart, after_stopped: :on_stopped }.freeze

      def initialize
        @blocks = Hash.new { |blocks, name| blocks[name] = [] }
      end

      # Remembers what is called at that moment: a block, or an object with `call`. Returns it.
      #
      # @raise [ArgumentError] for both, or neither
      def register(name, object = nil, &block)
        raise ArgumentError, "#{name} takes an object or a block" unless object.nil? ^ block.nil?

        @blocks[name] << (object || block)
        object || block
      end

      # Calls what was registered for that moment, in order.
      def fire(name, *arguments) = @blocks[name].each { |block| block.call(*arguments) }

      NAMES.each do |name, older|
        [name, older].each { |word| define_method(word) { |&block| register(name, &block) } }
        define_method(:"fire_#{name}!") { fire(name) }
      end
    end
  end
end
