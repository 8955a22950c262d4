# frozen_string_literal: true

# A WebSocket without any library: the handshake and the frames by hand, over a 101 whose body is a
# callable. It shows that the road is free; for real work let the server speak the protocol.
#
#   iodine-rs                            (in this folder)
#   open http://localhost:9292           a page that talks to the echo
#   websocat ws://localhost:9292/echo    the same from a terminal
#   curl -iN -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
#     -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' http://localhost:9292/echo

require_relative "handshake"
require_relative "echo"

PAGE = File.read(File.join(__dir__, "page.html"))

run(lambda do |env|
  case env["PATH_INFO"]
  when "/" then [200, { "content-type" => "text/html; charset=utf-8" }, [PAGE]]
  when "/echo" then Handshake.new(env).answer { |stream| Echo.new(stream).run }
  else [404, { "content-type" => "text/plain" }, ["Not Found\n"]]
  end
end)
