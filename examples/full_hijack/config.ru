# frozen_string_literal: true

# Full hijack: the app takes the socket and the server never writes to it again. Everything HTTP asks
# for is now the app's work, which is why this is the last resort: see ../streaming_body first.
#
#   iodine-rs                        (in this folder; PAUSE=0.2 iodine-rs is quicker)
#   curl -iN http://localhost:9292   a countdown whose response head is written by hand
#
#   printf 'GET /shout HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nhello\n' |
#     nc -q 1 localhost 9292         a protocol of one's own: each line comes back louder

require_relative "countdown"
require_relative "shout"

run(lambda do |env|
  conversation = env["PATH_INFO"] == "/shout" ? Shout : Countdown
  socket = env["rack.hijack"].call
  # The socket belongs to a thread of ours now, so the server's thread goes back to its pool.
  Thread.new { conversation.new(socket).run }
  # Not sent after a full hijack; it only has to look like a response.
  [200, {}, []]
end)
