# frozen_string_literal: true

# A sign-in service behind nginx, which knows the client's address.
ssl = ENV["CERT"]
set_remote_address(header: "X-Real-IP")
rack_url_scheme "https"
http_content_length_limit 10 * 1024 * 1024
first_data_timeout 20
threads 2, 8
workers ENV.fetch("WEB_CONCURRENCY", 1).to_i
preload_app!
port ENV.fetch("PORT", 3000) unless ssl
stdout_redirect nil, "log/err.log", true
raise_exception_on_sigterm false
state_path "tmp/state"
state_permission 0o600
