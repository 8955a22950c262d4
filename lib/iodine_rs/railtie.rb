# frozen_string_literal: true

require "rails/railtie"

module IodineRs
  # What Rails gets by itself where the gem is in its bundle.
  class Railtie < Rails::Railtie
    # Prepended to Rails::Server, which announces an address of any server but Puma: the one that was typed or is Rails' own
    # default, whatever config/puma.rb says.
    module OwnAddresses
      # nil where the server prints its addresses itself.
      def served_url = (super unless server.is_a?(RackHandler))
    end

    Rails::Server.prepend(OwnAddresses) if defined?(Rails::Server)

    # Before Rails chooses a server for system tests.
    ActiveSupport.on_load(:action_dispatch_system_test_case) { require "iodine_rs/capybara" }
  end
end
