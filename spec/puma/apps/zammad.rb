# frozen_string_literal: true

# A ticket system: hooks that leave other processes' connections alone.
worker_count = Integer(ENV["WEB_CONCURRENCY"] || 0)
workers worker_count
threads_count = Integer(ENV["MAX_THREADS"] || 30)
threads Integer(ENV["MIN_THREADS"] || 5), threads_count
environment ENV.fetch("RAILS_ENV", "development")
port ENV.fetch("ZAMMAD_RAILS_PORT", 0), "127.0.0.1"
preload_app!

if worker_count.positive?
  on_worker_boot { ActiveRecord::Base.establish_connection if defined?(ActiveRecord) }
  before_fork { ActiveRecord::Base.connection_pool.disconnect! if defined?(ActiveRecord) }
end
