# frozen_string_literal: true

# What a real app does to a pool of threads: some requests wait, some compute, most are quick.
text = { "content-type" => "text/plain" }.freeze

burn = lambda do |seconds|
  limit = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) + seconds
  nil while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) < limit
end

run(lambda do |env|
  case env["PATH_INFO"]
  when "/sleep" then sleep(0.05)
  when "/burn" then burn.call(0.02)
  end
  [200, text.dup, ["done"]]
end)
