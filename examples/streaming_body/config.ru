# frozen_string_literal: true

# Streaming bodies: parts leave the server as soon as the app has written them.
#
#   iodine-rs -t 1:1                 (in this folder; PAUSE=0.2 iodine-rs -t 1:1 is quicker)
#   curl -N http://localhost:9292    a body with `call`: gets the stream and writes to it
#   curl -N localhost:9292/each      a body with `each`: yields its parts
#   curl localhost:9292/now          an ordinary answer, for comparison
#
# Start several streams at once and ask for /now in between: one pool thread is enough, because a
# thread that runs a streaming body leaves the pool for that time and the pool replaces it.

PAUSE = Float(ENV.fetch("PAUSE", "1"))
PLAIN = { "content-type" => "text/plain" }.freeze

written = lambda do |stream|
  5.times do
    stream.write("#{Time.now}\n")
    sleep PAUSE
  end
ensure
  stream.close
end

# An Enumerator has `each` and nothing else that the server could ask for.
yielded = Enumerator.new do |parts|
  5.times do
    parts << "#{Time.now}\n"
    sleep PAUSE
  end
end

run(lambda do |env|
  case env["PATH_INFO"]
  when "/each" then [200, PLAIN.dup, yielded]
  when "/now" then [200, PLAIN.dup, ["#{Time.now}\n"]]
  else [200, PLAIN.dup, written]
  end
end)
