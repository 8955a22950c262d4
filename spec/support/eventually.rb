# frozen_string_literal: true

require "timeout"

# Waiting for a condition, with a limit: what specs use in place of `sleep`.
module Eventually
  # Raised when the limit of a wait has passed.
  class TimeUp < StandardError; end

  # Seconds that a wait lasts unless the call names another limit. On a busy machine much is slow; it costs time only where
  # something fails.
  LIMIT = 20

  # Seconds between two looks at a condition.
  INTERVAL = 0.01

  module_function

  # Calls the block until it returns something truthy and returns that; fails when `limit` seconds have passed.
  #
  #   eventually { server.stderr.include?("boom") }
  def eventually(limit: LIMIT, message: nil)
    deadline = now + limit
    loop do
      result = yield
      return result if result
      raise TimeUp, message || "condition not met within #{limit} s" if now > deadline

      sleep INTERVAL
    end
  end

  # Seconds on a clock that never jumps.
  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
