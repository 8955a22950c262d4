# frozen_string_literal: true

require "forwardable"

module IodineRs
  # What the hook `before_thread_start` gets: the limits of the pool that the thread belongs to. Puma calls it
  # ServerPluginControl (row D-80).
  class PoolControl
    extend Forwardable

    # @!method min_threads
    #   @return [Integer] threads that are kept when there is nothing to do
    # @!method max_threads
    #   @return [Integer] threads that may be inside the app at once
    # @!method update_thread_pool_min_max(min: min_threads, max: max_threads)
    #   Other limits from now on, see ThreadPool#resize.
    def_delegator :@pool, :min, :min_threads
    def_delegator :@pool, :max, :max_threads
    def_delegator :@pool, :resize, :update_thread_pool_min_max

    # @param pool [ThreadPool]
    def initialize(pool)
      @pool = pool
    end
  end
end
