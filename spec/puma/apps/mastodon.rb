# frozen_string_literal: true

# A federated network: sockets by variables, a short keep-alive behind nginx, workers with a preloaded app.
persistent_timeout ENV.fetch("PERSISTENT_TIMEOUT", 20).to_i

most = ENV.fetch("MAX_THREADS", 5).to_i
least = ENV.fetch("MIN_THREADS", most).to_i
threads least, most

if ENV["SOCKET"]
  bind "unix://#{ENV["SOCKET"]}"
else
  bind "tcp://#{ENV.fetch("BIND", "127.0.0.1")}:#{ENV.fetch("PORT", 3000)}"
end

environment ENV.fetch("RAILS_ENV", "development")
workers ENV.fetch("WEB_CONCURRENCY", 2).to_i
preload_app!

before_fork { GC.compact if GC.respond_to?(:compact) }
on_worker_boot { $pool = Object.new }

plugin :tmp_restart
