# frozen_string_literal: true

module IodineRs
  # What reaches a process from signal handlers and from other threads: a queue of words that `IO.select` can wait for.
  # It belongs to the process that made it.
  class Inbox
    def initialize
      @words = Thread::Queue.new
      @reader, @writer = IO.pipe
    end

    # Adds a word. May be called in a signal handler.
    def <<(word)
      @words << word
      # A full pipe wakes the reader as well as another byte would.
      @writer.write_nonblock(".", exception: false)
      self
    rescue IOError
      # Closed: a signal may still come, and its handler must not raise.
      self
    end

    # The next word, after `seconds` at most (nil waits for ever); nil where none came.
    def pop(seconds = nil)
      @words.pop(timeout: seconds)
    end

    # The words that are there.
    def take
      @reader.read_nonblock(1024, exception: false)
      Array.new(@words.size) { @words.pop }
    end

    # What to wait for.
    def to_io = @reader

    # For a forked child, which leaves the pipe to its parent: the words that have come to the child.
    def leave
      close
      Array.new(@words.size) { @words.pop }
    end

    def close = [@reader, @writer].each(&:close)
  end
end
