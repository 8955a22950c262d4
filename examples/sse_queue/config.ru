# frozen_string_literal: true

# Server-sent events: a page, a stream of events for each reader, and one background thread that feeds
# all of them through queues.
#
#   iodine-rs                                        (in this folder)
#   open http://localhost:9292                       the page listens with EventSource
#   curl -N http://localhost:9292/events             the bare events, one a second
#   curl -d 'tea is ready' localhost:9292/announce   everybody hears it
#
# In an app of several processes the thread would read from Redis or a database instead.

require_relative "newsroom"

NEWSROOM = Newsroom.new(every: Float(ENV.fetch("PAUSE", "1")))
PAGE = File.read(File.join(__dir__, "page.html"))

announce = lambda do |env|
  NEWSROOM.publish("announcement", env["rack.input"].read)
  [204, {}, []]
end

events = lambda do |_env|
  headers = { "content-type" => "text/event-stream", "cache-control" => "no-cache" }
  [200, headers, ->(stream) { NEWSROOM.serve(stream) }]
end

page = ->(_env) { [200, { "content-type" => "text/html; charset=utf-8" }, [PAGE]] }

run(lambda do |env|
  case env.values_at("REQUEST_METHOD", "PATH_INFO")
  in ["POST", "/announce"] then announce.call(env)
  in ["GET", "/events"] then events.call(env)
  in ["GET", "/"] then page.call(env)
  else [404, { "content-type" => "text/plain" }, ["Not Found\n"]]
  end
end)
