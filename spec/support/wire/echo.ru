# frozen_string_literal: true

# The app behind the catalogue: tells what it saw, and how often it ran.
calls = 0
lock = Mutex.new
plain = [String, Integer, TrueClass, FalseClass]

# Marshal keeps bytes and encodings as they were.
seen = lambda { |env|
  Marshal.dump(env: env.select { |_, value| plain.include?(value.class) }, body: env["rack.input"].read)
}

run lambda { |env|
  next [200, {}, [calls.to_s]] if env["PATH_INFO"] == "/calls"

  lock.synchronize { calls += 1 }
  case env["PATH_INFO"]
  when "/slow" then sleep 0.3
  when "/stream" then next [200, {}, Enumerator.new { |parts| 3.times { |n| parts << "part #{n};" } }]
  when "/refuse" then next [403, {}, []]
  end
  [200, { "content-type" => "application/octet-stream" }, [seen.call(env)]]
}
