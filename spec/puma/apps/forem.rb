# frozen_string_literal: true

# A community: Rails' file, with warm-up before the fork.
threads_count = ENV.fetch("RAILS_MAX_THREADS", 5).to_i
threads threads_count, threads_count
port ENV.fetch("PORT", 3000)
environment ENV.fetch("RAILS_ENV", "development")
workers ENV.fetch("WEB_CONCURRENCY", 2)
preload_app!
rackup DefaultRackup if defined?(DefaultRackup)

before_fork do
  3.times { GC.start }
end

on_worker_boot do
  ActiveRecord::Base.establish_connection if defined?(ActiveRecord)
end

plugin :tmp_restart
