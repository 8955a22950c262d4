# frozen_string_literal: true

# Durations as specs measure them.
module Timing
  # How long the block takes.
  def seconds
    from = Eventually.now
    yield
    Eventually.now - from
  end

  def median(values) = values.sort[values.size / 2]
end
