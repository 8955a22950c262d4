# frozen_string_literal: true

require "rack/body_proxy"

# A middleware of one's own: a header on the way up, and a count of the bodies closed so far, because
# `close` of the body is where a middleware learns that the response is over.
class Footprint
  def initialize(app)
    @app = app
    @closed = 0
    @lock = Mutex.new
  end

  def call(env)
    status, headers, body = @app.call(env)
    headers["x-bodies-closed"] = @lock.synchronize { @closed }.to_s
    [status, headers, Rack::BodyProxy.new(body) { @lock.synchronize { @closed += 1 } }]
  end
end
