# frozen_string_literal: true

# Partial hijack: the server writes status line and headers, the app writes the rest.
#
#   iodine-rs                        (in this folder; PAUSE=0.2 iodine-rs is quicker)
#   curl -iN http://localhost:9292   a countdown, one line a second
#
# The callable under `rack.hijack` among the *response* headers gets the stream once the headers are
# out; the third element is not sent. Since Rack 3 the same is better said as in ../streaming_body.

pause = Float(ENV.fetch("PAUSE", "1"))

countdown = lambda do |stream|
  5.downto(1) do |seconds|
    stream.write("#{seconds}\n")
    sleep pause
  end
  stream.write("lift-off\n")
ensure
  stream.close
end

run ->(_env) { [200, { "content-type" => "text/plain", "rack.hijack" => countdown }, []] }
