# frozen_string_literal: true

# A stream that outlives its body: the callable starts a Thread and returns at once, the response goes
# on until that thread closes the stream.
#
#   iodine-rs -t 1:1                 (in this folder; PAUSE=0.2 iodine-rs -t 1:1 is quicker)
#   curl -N http://localhost:9292    five times the time of day
#
# On a server whose streams occupy its few threads this is the way out. Here it is not needed for that
# (see ../streaming_body), but it works, and it is right when a thread of yours lives on anyway.

PAUSE = Float(ENV.fetch("PAUSE", "1"))

# Writes the time of day five times; the stream is ours to close, whatever happens.
def tell_time(stream)
  5.times do
    stream.write("#{Time.now}\n")
    sleep PAUSE
  end
rescue IOError, SystemCallError
  # The client left; there is nobody to tell.
ensure
  stream.close
end

body = ->(stream) { Thread.new { tell_time(stream) } }

run ->(_env) { [200, { "content-type" => "text/plain" }, body] }
