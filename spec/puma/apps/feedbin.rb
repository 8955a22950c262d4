# frozen_string_literal: true

# A reader under systemd: its sockets, and an answer of its own for what goes wrong.
bind_to_activated_sockets
port ENV.fetch("PORT", 3000)
threads 1, ENV.fetch("RAILS_MAX_THREADS", 3).to_i
workers ENV.fetch("WEB_CONCURRENCY", 1).to_i
worker_boot_timeout 120
worker_shutdown_timeout 25

lowlevel_error_handler do |exception|
  warn "tracked: #{exception.class}"
  [500, { "content-type" => "text/html" }, ["<h1>We have been told.</h1>"]]
end
