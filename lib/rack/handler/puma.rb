# frozen_string_literal: true

# Stands where Rack, Rails, Sinatra and Capybara look for Puma's handler. Where there is a real Puma, in the bundle or
# (without one) on the machine, it steps aside; else the name means this server.
require "iodine_rs"
unless IodineRs::Puma.load_real("rack/handler/puma.rb")
  # Puma's own is Rack's where nobody has loaded Rackup, also with Rack 3.
  without_rackup = !defined?(Rackup::Handler)
  require "rack/handler/iodine_rs"
  handlers = defined?(Rackup::Handler) ? Rackup::Handler : Rack::Handler
  handlers.const_set(:Puma, handlers::IodineRs)
  handlers.register(:puma, handlers == Rackup::Handler ? handlers::IodineRs : "Rack::Handler::IodineRs")
  Rack.const_set(:Handler, Module.new { const_set(:Puma, Rackup::Handler::Puma) }) if without_rackup && !defined?(Rack::Handler)
end
