# frozen_string_literal: true

# A registry of packages: IPv4 by intention, a formatter, hooks by their new names.
bind "tcp://0.0.0.0:#{ENV.fetch("PORT", 3000)}"
threads_count = ENV.fetch("RAILS_MAX_THREADS", 5).to_i
threads threads_count, threads_count
workers :auto if ENV["RAILS_ENV"] == "production" && ENV["WEB_CONCURRENCY"].to_s.empty?
persistent_timeout 75
preload_app!

before_fork { GC.start }
before_worker_boot { |index| puts "boots #{index}" }
before_worker_shutdown { |index| puts "ends #{index}" }
before_restart { ENV.delete("BUNDLE_GEMFILE") }
after_booted { puts "all are there" }
