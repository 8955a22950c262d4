# frozen_string_literal: true

# A code forge: behind another server on a Unix socket, with lines as JSON and hooks for its own life cycle.
require "json"
require "time"

bind "unix://tmp/gitlab.socket"
bind "tcp://127.0.0.1:0"
directory Dir.pwd
workers 2
threads 1, 4
preload_app!
pidfile "tmp/puma.pid"
state_path "tmp/puma.state"
stdout_redirect "log/puma.stdout.log", "log/puma.stderr.log", true
tag "gitlab-puma-worker"
worker_timeout 60
wait_for_less_busy_worker 0.001
queue_requests false

settings = @config.options
before_fork { puts "#{settings[:workers]} workers" }
on_worker_boot { |index| ENV["WORKER"] = index.to_s }
on_restart { puts "again" }
on_worker_shutdown { puts "bye" }

lowlevel_error_handler do |error, env, status|
  [status, { "content-type" => "text/plain" }, ["An error has occurred (#{error.class} at #{env["PATH_INFO"]})\n"]]
end

log_formatter { |line| { timestamp: Time.now.utc.iso8601(3), pid: Process.pid, message: line }.to_json }
