# frozen_string_literal: true

# A Kamal app with one process for web and jobs: garbage is collected between requests.
workers ENV.fetch("WEB_CONCURRENCY", 1).to_i
threads 1, 1
port ENV.fetch("PORT", 3000)
silence_single_worker_warning

before_fork { Process.warmup if Process.respond_to?(:warmup) }
out_of_band { GC.start }

plugin :tmp_restart
plugin :solid_queue if ENV["SOLID_QUEUE_IN_PUMA"]
pidfile ENV["PIDFILE"] if ENV["PIDFILE"]
