# frozen_string_literal: true

# A whole Rails app in one file, on a server that knows nothing about Rails.
#
#   iodine-rs                                           (in this folder)
#   open http://localhost:9292                          a guestbook: form with CSRF token, flash, session, upload
#   curl -N http://localhost:9292/clock                 ActionController::Live, server-sent events
#   curl -N http://localhost:9292/stream                a Rack response with a callable body
#   curl -N http://localhost:9292/hijack/partial        `rack.hijack` in the response headers
#   curl -N http://localhost:9292/hijack/full           the socket itself
#   curl -O -J http://localhost:9292/download           `send_file`
#   curl 'http://localhost:9292/whoami?name=Ada'        CurrentAttributes stay within one request
#   curl -i http://localhost:9292/boom                  the error page

require_relative "app"

run Guestbook::Application
