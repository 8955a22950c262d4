# frozen_string_literal: true

# Stands where Rack, Rails, Sinatra and Capybara look for Puma's handler. Where there is a real Puma, in the bundle or
# (without one) on the machine, it steps aside; else the name means this server.
puma = Gem::Specification.stubs_for("puma").first
if puma
  puma.to_spec.activate
  path = puma.full_require_paths.map { |folder| "#{folder}/rack/handler/puma.rb" }.find { |file| File.exist?(file) }
  load path
else
  require "rack/handler/iodine_rs"
  handlers = defined?(Rackup::Handler) ? Rackup::Handler : Rack::Handler
  handlers.const_set(:Puma, handlers::IodineRs)
  handlers.register(:puma, handlers == Rackup::Handler ? handlers::IodineRs : "Rack::Handler::IodineRs")
end
