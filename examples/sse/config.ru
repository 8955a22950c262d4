# frozen_string_literal: true

# Server-sent events without a thread for a reader: the same handler API as for WebSockets.
#
#   iodine-rs                                        (in this folder)
#   open http://localhost:9292                       the page counts
#   curl -N -H 'accept: text/event-stream' http://localhost:9292/
#
# The browser reconnects by itself and says what it has seen last: the count goes on from there.

PAGE = File.read(File.join(__dir__, "page.html"))

# Sends its next number twice a second, until the reader leaves.
module Counter
  extend self

  EVERY = Integer(Float(ENV.fetch("PAUSE", "0.5")) * 1000)

  def on_open(client) = count(client, client.last_event_id.to_i + 1)

  private

  def count(client, number)
    return unless client.write(number.to_s, id: number.to_s)

    IodineRs.run_after(EVERY) { client.defer { count(client, number + 1) } }
  end
end

run(lambda do |env|
  if env["rack.upgrade?"] == :sse
    env["rack.upgrade"] = Counter
    next [200, {}, []]
  end
  [200, { "content-type" => "text/html; charset=utf-8" }, [PAGE]]
end)
