# frozen_string_literal: true

# A chat in one container behind Thruster: as many workers as processors, a signal of its own for profiles.
threads 5, 5
port ENV.fetch("PORT", 3000)
environment ENV.fetch("RAILS_ENV", "production")
pidfile ENV.fetch("PIDFILE", "tmp/pids/server.pid")
workers Integer(ENV.fetch("WEB_CONCURRENCY") { 1 })
preload_app! ENV.fetch("PRELOAD", "1") != "0"

before_worker_boot do
  Signal.trap(:PROF) { warn "profile" }
end

plugin :tmp_restart
plugin :solid_queue if ENV["SOLID_QUEUE_IN_PUMA"]
