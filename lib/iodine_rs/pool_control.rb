# frozen_string_literal: true

module IodineRs
  # What the hook `before_thread_start` gets: the limits of the pool that the thread belongs to. Puma calls it
  # ServerPluginControl (row D-80).
  class PoolControl
    # @param pool [ThreadPool]
    def initialize(pool)
      @pool = pool
    end

    # @return [Integer] threads that are kept when there is nothing to do
    def min_threads = @pool.min

    # @return [Integer] threads that may be inside the app at once
    def max_threads = @pool.max

    # Other limits from now on, see ThreadPool#resize.
    def update_thread_pool_min_max(...) = @pool.resize(...)
  end
end
