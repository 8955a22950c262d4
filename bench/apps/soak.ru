# frozen_string_literal: true

require "json"

# The app of real time, and a count of everything that could grow.
REALTIME = [*Rack::Builder.parse_file(File.join(__dir__, "realtime.ru"))].first

# Objects that live, by type, after a collection that leaves nothing for later.
def objects
  3.times { GC.start }
  counts = ObjectSpace.count_objects
  { objects: counts.fetch(:TOTAL) - counts.fetch(:FREE), data: counts.fetch(:T_DATA), strings: counts.fetch(:T_STRING),
    threads: Thread.list.size }
end

run(lambda do |env|
  next REALTIME.call(env) unless env["PATH_INFO"] == "/census"

  [200, { "content-type" => "application/json" }, [JSON.generate(objects)]]
end)
