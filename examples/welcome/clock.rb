# frozen_string_literal: true

require "json"

# A streaming body: one line of JSON at each tick, with the time and the counters.
class Clock
  TICK = 0.2
  # The page asks again after a lap. A stream without an end would hold up a server that wants to stop.
  TICKS_PER_LAP = 25

  def initialize(counters)
    @counters = counters
  end

  def call(stream)
    @counters.count_stream { tick_into(stream) }
  rescue IOError, SystemCallError
    # The page was closed, which is how most laps end.
  ensure
    stream.close
  end

  private

  def tick_into(stream)
    TICKS_PER_LAP.times do
      stream.write(JSON.generate(time: Time.now.strftime("%H:%M:%S.%L"), **@counters.to_h) << "\n")
      sleep TICK
    end
  end
end
