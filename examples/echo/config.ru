# frozen_string_literal: true

# The smallest WebSocket: iodine-rs speaks the protocol, the app says what to do with a message.
#
#   iodine-rs                                        (in this folder)
#   open http://localhost:9292                       a page that talks to itself
#   curl http://localhost:9292                       the page without a browser
#   websocat ws://localhost:9292                     every line comes back
#
# A handler is any object with some of on_open, on_message, on_drained, on_shutdown and on_close. This one is a module
# that all connections share.

PAGE = File.read(File.join(__dir__, "page.html"))

module Echo
  extend self

  def on_message(client, data) = client.write(data)
end

run(lambda do |env|
  if env["rack.upgrade?"] == :websocket
    env["rack.upgrade"] = Echo
    next [101, {}, []]
  end
  [200, { "content-type" => "text/html; charset=utf-8" }, [PAGE]]
end)
