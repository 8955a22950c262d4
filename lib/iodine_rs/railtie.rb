# frozen_string_literal: true

require "rails/railtie"

module IodineRs
  # What Rails gets by itself where the gem is in its bundle.
  class Railtie < Rails::Railtie
    # Before Rails chooses a server for system tests.
    ActiveSupport.on_load(:action_dispatch_system_test_case) { require "iodine_rs/capybara" }
  end
end
