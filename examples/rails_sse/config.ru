# frozen_string_literal: true

# Rails tells the browser how far a long task is, by server-sent events, in four ways.
#
#   iodine-rs -t 5:5                                    (in this folder)
#   open http://localhost:9292                          a page that watches a task
#   curl -N http://localhost:9292/tasks/live            ActionController::Live: a thread for each reader
#   curl -N http://localhost:9292/tasks/full            full hijack: the app has the socket
#   curl -N http://localhost:9292/tasks/partial         partial hijack: the app has the stream
#   curl -N -H 'accept: text/event-stream' http://localhost:9292/tasks/native    no thread, no hijack
#
# The article "Processing SSE connections without blocking server threads using Rack Hijacking API" stops at the third.

require_relative "app"

run Progress::Application
