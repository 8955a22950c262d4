# frozen_string_literal: true

# A link board that is deployed by phased restarts.
threads_count = ENV.fetch("RAILS_MAX_THREADS", 5)
threads threads_count, threads_count
worker_timeout 3600 if ENV.fetch("RAILS_ENV", "development") == "development"
bind "unix://#{Dir.pwd}/tmp/puma.sock"
environment ENV.fetch("RAILS_ENV", "development")
pidfile ENV.fetch("PIDFILE", "tmp/pids/server.pid")

cluster do
  prune_bundler
  preload_app! false
end

workers Integer(ENV.fetch("WEB_CONCURRENCY", 2))
plugin :tmp_restart
