# frozen_string_literal: true

module IodineRs
  module Puma
    # There is no plugin of that name.
    class UnknownPlugin < ConfigError; end

    # The plugins that have been loaded, and what they want to have run in the background.
    class PluginRegistry
      def initialize
        @plugins = {}
        @background = []
      end

      def register(name, plugin) = @plugins[name.to_s] = plugin

      # The class of the plugin, loaded from puma/plugin/NAME.rb when it is first asked for.
      #
      # @raise [UnknownPlugin]
      def find(name)
        @plugins[name.to_s] || load(name.to_s) || raise(UnknownPlugin, "plugin #{name}: its file makes no plugin of that name")
      end

      def add_background(block) = @background << block

      # Starts a thread for each block so far.
      def fire_background
        @background.each_with_index do |block, index|
          Thread.new do
            Puma.set_thread_name("plgn bg #{index}")
            block.call
          end
        end
        @background = []
      end

      private

      def load(name)
        require "puma/plugin/#{name}"
        @plugins[name]
      rescue LoadError => error
        raise unless error.path == "puma/plugin/#{name}"

        raise UnknownPlugin, "plugin #{name}: there is no puma/plugin/#{name}.rb in the load path; " \
                             "is the gem that has it in the Gemfile?"
      end
    end

    Plugins = PluginRegistry.new
  end
end
