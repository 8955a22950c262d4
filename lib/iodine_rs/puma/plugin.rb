# frozen_string_literal: true

module IodineRs
  module Puma
    # A plugin, in puma/plugin/NAME.rb of the load path:
    #
    #   Puma::Plugin.create do
    #     def config(dsl) = …      # when the configuration file has been read
    #     def start(launcher) = …  # before the app is loaded
    #   end
    class Plugin
      # Makes a plugin of the methods in the block; its name is that of the file.
      def self.create(&)
        file = caller_locations(1, 1).first.path
        name = file[%r{puma/plugin/([^/]*)\.rb\z}, 1] or raise UnknownPlugin, "#{file} is not puma/plugin/NAME.rb"
        Plugins.register(name, Class.new(self, &))
      end

      # Runs the block in a thread once the server listens; in a cluster in the master, before it forks.
      def in_background(&block) = Plugins.add_background(block)
    end
  end
end
