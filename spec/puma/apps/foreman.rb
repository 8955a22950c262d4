# frozen_string_literal: true

# Data centre management: a service with socket activation and a control app.
environment ENV.fetch("RAILS_ENV", "production")
threads ENV.fetch("FOREMAN_PUMA_THREADS_MIN", 5).to_i, ENV.fetch("FOREMAN_PUMA_THREADS_MAX", 5).to_i
workers ENV.fetch("FOREMAN_PUMA_WORKERS", 2).to_i
bind ENV.fetch("FOREMAN_BIND", "tcp://127.0.0.1:0")
preload_app!

on_worker_boot do
  def warm = :warm
  warm
end

before_fork { $before = true }
after_worker_fork { |index| puts "forked #{index}" }
