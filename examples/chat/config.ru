# frozen_string_literal: true

# A chat without a line about sockets, in the style of the article "The dark side of the Rack and Websockets dreams":
# the handler is the connection, and reaches the others by `each`.
#
#   iodine-rs                                        (in this folder)
#   open http://localhost:9292                       in two tabs
#   curl http://localhost:9292                       the page
#   websocat ws://localhost:9292/Ada                 the path is your name
#
# `each` is this process. For a chat in many processes see chat_rooms.

require_relative "talker"

PAGE = File.read(File.join(__dir__, "page.html"))

run(lambda do |env|
  if env["upgrade.websocket?"]
    env["upgrade.websocket"] = Talker.new(env)
    next [0, {}, []]
  end
  [200, { "content-type" => "text/html; charset=utf-8" }, [PAGE]]
end)
