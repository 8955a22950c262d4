# frozen_string_literal: true

# What the app knows about itself, counted by every thread that passes.
class Counters
  # Counts each request on its way in.
  class Middleware
    def initialize(app, counters)
      @app = app
      @counters = counters
    end

    def call(env)
      @counters.count_request
      @app.call(env)
    end
  end

  def initialize
    @lock = Mutex.new
    @requests = 0
    @streams = 0
    @started = monotonic
  end

  def count_request
    @lock.synchronize { @requests += 1 }
  end

  # Counts an open stream for as long as the block runs.
  def count_stream
    @lock.synchronize { @streams += 1 }
    yield
  ensure
    @lock.synchronize { @streams -= 1 }
  end

  def to_h
    requests, streams = @lock.synchronize { [@requests, @streams] }
    { requests: requests, streams: streams, threads: Thread.list.size,
      memory: resident_memory, uptime: (monotonic - @started).round }
  end

  private

  def monotonic
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # In bytes; nil where the system has no /proc.
  def resident_memory
    File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i * 1024
  rescue SystemCallError
    nil
  end
end
