# frozen_string_literal: true

module IodineRs
  # Blocks to be run later, by threads of their own: the first begins with the first block, others where all of them are
  # busy. They belong to this process. A block that is repeated never overlaps itself.
  module Timers
    # Blocks that run at once; more of them wait.
    THREADS = 5

    # A block that waits. `cancel` ends it.
    class Timer
      # Seconds between two runs; nil for a block that runs once.
      attr_reader :interval
      # When it runs next, on the monotonic clock.
      attr_accessor :due

      def initialize(due, interval, repetitions, block)
        @due = due
        @interval = interval
        @left = repetitions.zero? ? Float::INFINITY : repetitions
        @block = block
      end

      # It does not run again.
      def cancel
        @left = 0
        self
      end

      def cancelled? = @left.zero?

      # Runs the block; an exception, of whatever kind, is printed and ends nothing: others wait for the thread.
      def run
        @left -= 1
        @block.call
      rescue Exception => error
        warn "timer: #{error.full_message(highlight: false)}"
      end
    end

    @lock = Mutex.new
    @changed = ConditionVariable.new
    # Those that are due first come first.
    @waiting = []
    @threads = []
    # How many of them wait for a block.
    @free = 0

    class << self
      include Monotonic

      # Runs the block soon and returns it.
      def run(&block)
        add(0, nil, 1, block)
        block
      end

      # Runs the block once, after so many milliseconds.
      def after(milliseconds, &block) = add(seconds(milliseconds), nil, 1, block)

      # Runs the block every so many milliseconds, `repetitions` times or (0) for ever.
      def every(milliseconds, repetitions, &block)
        interval = seconds(milliseconds)
        raise ArgumentError, "run_every takes more than 0 milliseconds" if interval.zero?
        repetitions = Integer(repetitions)
        raise ArgumentError, "run_every takes 0 repetitions (for ever) or more" if repetitions.negative?

        add(interval, interval, repetitions, block)
      end

      private

      def seconds(milliseconds)
        raise TypeError, "milliseconds have to be an Integer, not #{milliseconds.class}" unless milliseconds.is_a?(Integer)
        raise ArgumentError, "milliseconds have to be 0 or more" if milliseconds.negative?

        milliseconds / 1000.0
      end

      def add(delay, interval, repetitions, block)
        raise LocalJumpError, "no block given" unless block

        timer = Timer.new(now + delay, interval, repetitions, block)
        @lock.synchronize do
          forget_parent
          queue(timer)
          call_thread
        end
        timer
      end

      # Has somebody look at what waits.
      def call_thread
        return @changed.signal if @free.positive?

        # A block may have killed its own.
        @threads.select!(&:alive?)
        return if @threads.size == THREADS

        @threads << Thread.new { serve }.tap { |thread| thread.name = "iodine-rs timers" }
      end

      # Timers end with the process that made them.
      def forget_parent
        return if @pid == Process.pid

        @pid = Process.pid
        @threads = []
        @free = 0
        @waiting.clear
      end

      def serve = loop { run_and_repeat(next_due) }

      def run_and_repeat(timer)
        timer.run unless timer.cancelled?
        return if timer.interval.nil? || timer.cancelled?

        timer.due = now + timer.interval
        @lock.synchronize { queue(timer) }
      end

      # Behind those that are due no later: they run in the order in which they were given.
      def queue(timer)
        later = @waiting.bsearch_index { |other| other.due > timer.due }
        @waiting.insert(later || -1, timer)
      end

      # Waits for the first timer whose time has come. Somebody else looks at the next one from then on.
      def next_due
        @lock.synchronize do
          timer = await_due
          call_thread unless @waiting.empty?
          timer
        end
      end

      def await_due
        @free += 1
        loop do
          left = @waiting.first && @waiting.first.due - now
          return @waiting.shift if left && left <= 0

          @changed.wait(@lock, left)
        end
      ensure
        @free -= 1
      end
    end
  end
end
