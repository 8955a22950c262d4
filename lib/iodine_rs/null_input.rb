# frozen_string_literal: true

module IodineRs
  # env["rack.input"] of a request without a body: an IO at its end, one frozen object for all of them.
  class NullInput
    # Reads nothing, by the rules of IO#read.
    def read(length = nil, buffer = nil)
      raise ArgumentError, "negative length #{length} given" if length&.negative?

      buffer = buffer ? text(buffer).clear : +""
      buffer.force_encoding(Encoding::BINARY) unless length
      length.nil? || length.zero? ? buffer : nil
    end

    def readpartial(_length, buffer = nil)
      buffer&.clear
      raise EOFError, "end of file reached"
    end
    alias sysread readpartial

    def read_nonblock(length, buffer = nil, exception: true)
      exception ? readpartial(length, buffer) : buffer&.clear && nil
    end

    def gets(*, **) = nil
    def getc = nil
    def getbyte = nil

    def readline(*, **) = raise(EOFError, "end of file reached")
    def readlines(*, **) = []

    # Yields nothing.
    def each(*, **)
      block_given? ? self : [].each
    end
    alias each_line each
    alias each_byte each
    alias each_char each

    def rewind = 0
    def seek(_offset, _whence = IO::SEEK_SET) = 0
    def pos = 0
    alias tell pos

    def size = 0
    alias length size
    def string = +""

    def eof? = true
    alias eof eof?

    # It is shared, so closing has no effect.
    def close = nil
    def closed? = false

    def binmode = self
    def binmode? = true
    def set_encoding(*, **) = self
    def external_encoding = Encoding::BINARY
    def internal_encoding = nil

    def sync = true
    def fileno = nil
    def tty? = false
    alias isatty tty?

    def flush = self

    private

    def text(buffer)
      return buffer.to_str if buffer.respond_to?(:to_str)

      raise TypeError, "no implicit conversion of #{buffer.class} into String"
    end

    # The only one that is needed.
    INSTANCE = new.freeze
  end
end
