# frozen_string_literal: true

# A help desk: numbers by variables, the app preloaded.
upper = ENV.fetch("RAILS_MAX_THREADS", 5)
lower = ENV.fetch("RAILS_MIN_THREADS") { upper }
threads lower, upper
port ENV.fetch("PORT", 3000)
environment ENV.fetch("RAILS_ENV", "development")
workers ENV.fetch("WEB_CONCURRENCY", 0)
preload_app!
plugin :tmp_restart
