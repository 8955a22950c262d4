#!/usr/bin/env puma

# An issue tracker on one machine, as its administrators write it down by hand.
application_path = Dir.pwd
directory application_path
environment "production"
pidfile "#{application_path}/tmp/pids/puma.pid"
state_path "#{application_path}/tmp/pids/puma.state"
bind "tcp://127.0.0.1:0"
bind "unix://#{application_path}/tmp/sockets/redmine.sock"
threads 0, 16
workers 0
quiet
tag "redmine"
supported_http_methods :any
