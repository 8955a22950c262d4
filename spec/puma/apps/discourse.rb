# frozen_string_literal: true

# A forum: everything only in production, below a folder with sockets, pids and logs.
if ENV["RAILS_ENV"] == "production"
  home = ENV.fetch("APP_ROOT", Dir.pwd)
  directory home
  bind "unix://#{home}/tmp/sockets/puma.sock"
  pidfile "#{home}/tmp/pids/puma.pid"
  state_path "#{home}/tmp/pids/puma.state"
  stdout_redirect "#{home}/log/puma.log", "#{home}/log/puma.err.log", true

  workers ENV.fetch("UNICORN_WORKERS", "2").to_i
  threads 8, 32
  preload_app!

  on_worker_boot do |index|
    puts "worker #{index} connects"
  end
end
