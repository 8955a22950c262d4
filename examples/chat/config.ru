# frozen_string_literal: true

# A chat without a line about sockets, in the style of the article "The dark side of the Rack and Websockets dreams":
# the handler is the connection, and reaches the others by `each`.
#
#   iodine-rs -www . -p 3000                         (in this folder)
#   open http://localhost:3000                       in two tabs
#   curl http://localhost:3000                       the page
#   websocat ws://localhost:3000/Ada                 the path is your name
#
# `-t 16 -w 4` serves from four processes; `each` reaches the guests of one of them. chat_rooms reaches all.

require_relative "talker"

PAGE = File.join(__dir__, "index.html")

run(lambda do |env|
  if env["upgrade.websocket?"]
    env["upgrade.websocket"] = Talker.new(env)
    next [0, {}, []]
  end
  # With -www the server sends the file itself; without, the header is for others and the body is sent.
  [200, { "content-type" => "text/html; charset=utf-8", "x-sendfile" => PAGE }, File.open(PAGE)]
end)
