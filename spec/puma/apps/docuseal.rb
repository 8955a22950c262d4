# frozen_string_literal: true

# Documents to sign: a plugin of its own that brings along another server, and options that are asked for.
require "etc"

port ENV.fetch("PORT", 3000)
environment ENV.fetch("RAILS_ENV", "production")
workers ENV.fetch("WEB_CONCURRENCY") { @options[:workers] || 0 }
threads 3, 15
plugin :tmp_restart

if ENV["LOCAL_REDIS"]
  require "puma/plugin/redis_server"
  plugin :redis_server
end
