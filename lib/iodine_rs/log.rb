# frozen_string_literal: true

require "io/wait"

module IodineRs
  # Where the server's own lines go: messages to the standard output, problems to the standard error.
  class Log
    # Seconds a line waits for a reader that does not read; then it is dropped, because a request must not hang on it.
    PATIENCE = 1
    private_constant :PATIENCE

    # What env["rack.errors"] is.
    attr_reader :err

    # @param out [IO, nil] nil for a silent server
    def initialize(out: $stdout, err: $stderr)
      @out = out
      @err = err
    end

    # A line for whoever started the server.
    def info(line) = write(@out, line)

    # A problem, with the time.
    def error(text) = write(@err, "#{Time.now} #{text}")

    private

    # One write per message, so that those of several threads do not mix.
    def write(io, text)
      return if io.nil? || (io.is_a?(IO) && !io.wait_writable(PATIENCE))

      io.write("#{text}\n")
      io.flush
    rescue SystemCallError, IOError
      # Nobody can be told that nobody listens.
    end
  end
end
