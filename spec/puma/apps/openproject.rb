# frozen_string_literal: true

# Project management: a tag, a timeout that depends on the environment, plugins for metrics only where they are wanted.
threads_min = Integer(ENV.fetch("OPENPROJECT_WEB_MIN__THREADS", 4))
threads_max = Integer(ENV.fetch("OPENPROJECT_WEB_MAX__THREADS", 16))
threads threads_min, [threads_min, threads_max].max

port ENV.fetch("PORT", 3000).to_i
environment ENV.fetch("RAILS_ENV", "development")
tag "openproject"
workers Integer(ENV.fetch("OPENPROJECT_WEB_WORKERS", 1))
worker_timeout(ENV["RAILS_ENV"] == "development" ? 3600 : 120)
preload_app! if ENV["RAILS_ENV"] == "production"

plugin :yabeda if ENV["OPENPROJECT_PROMETHEUS_EXPORT"] == "true"
plugin :appsignal if ENV["APPSIGNAL_ENABLED"] == "true"
