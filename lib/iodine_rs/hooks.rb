# frozen_string_literal: true

module IodineRs
  # Blocks of the configuration file that run at moments of the server's life, in the order in which they were written.
  class Hooks
    # Each with the older words for it that Puma's files use.
    NAMES = {
      before_fork: [],
      before_worker_fork: [:on_worker_fork],
      after_worker_fork: [:after_worker_boot],
      before_worker_boot: [:on_worker_boot],
      before_worker_shutdown: [:on_worker_shutdown],
      after_worker_shutdown: [],
      after_booted: [:on_booted],
      after_stopped: [:on_stopped],
      before_restart: [:on_restart],
      before_thread_start: [:on_thread_start],
      before_thread_exit: [:on_thread_exit],
      out_of_band: []
    }.freeze
    # Those that only a master or a worker runs.
    CLUSTER = %i[before_fork before_worker_fork after_worker_fork before_worker_boot before_worker_shutdown
                 after_worker_shutdown].freeze

    def initialize
      @blocks = Hash.new { |blocks, name| blocks[name] = [] }
      @data = Hash.new { |data, key| data[key] = {} }
    end

    # @param key [String, Symbol, nil] gives the block, as its second argument, a Hash that all blocks with this key
    #   share in a worker
    # @raise [ArgumentError] without a block
    def add(name, key = nil, block)
      raise ArgumentError, "#{name} takes a block" unless block

      @blocks[name] << [key, block]
    end

    # Whether there is a block for that moment.
    def any?(name) = @blocks.key?(name)

    # The blocks of both, in this order.
    def +(other)
      Hooks.new.tap { |sum| [self, other].each { |hooks| hooks.each { |name, key, block| sum.add(name, key, block) } } }
    end

    # Yields name, key and block of each.
    def each = @blocks.each { |name, blocks| blocks.each { |key, block| yield name, key, block } }

    # Runs the blocks for that moment; an exception is printed and ends nothing. A lambda or method gets as many arguments
    # as it takes, nil where there are fewer.
    def run(name, log, *arguments)
      @blocks.fetch(name, []).each do |key, block|
        given = [*arguments, *([@data[key.to_sym]] if key)]
        block.call(*(block.lambda? && block.arity >= 0 ? given.values_at(*0...block.arity) : given))
      rescue StandardError, ScriptError => error
        log.warning("WARNING hook #{name} failed with exception (#{error.class}) #{error.message}")
      end
    end
  end
end
