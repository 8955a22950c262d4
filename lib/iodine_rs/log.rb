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

    # The log of a server with these options. In a cluster each line tells which process wrote it.
    def self.for(options)
      format = options[:log_formatter]
      format ||= options[:workers].positive? ? ->(line) { "[#{Process.pid}] #{line}" } : :itself.to_proc
      new(out: options[:custom_logger] || (options[:silent] ? nil : $stdout), format:)
    end

    # @param out [IO, nil] nil for a silent server
    # @param format [#call] makes of a line what is printed
    def initialize(out: $stdout, err: $stderr, format: :itself.to_proc)
      @out = out
      @err = err
      @format = format
    end

    # A line for whoever started the server.
    def info(line) = write(@out, @format.call(line))

    # A problem, with the time.
    def error(text) = write(@err, "#{Time.now} #{text}")

    # A problem that Puma tells among the messages; from a silent server, which has none, it comes as an error.
    def warning(line) = @out ? info(line) : error(line)

    private

    # One write per message, so that those of several threads do not mix.
    def write(io, text)
      return if io.nil? || (io.is_a?(IO) && !io.wait_writable(PATIENCE))

      io.write("#{text}\n")
      io.flush if io.respond_to?(:flush)
    rescue SystemCallError, IOError
      # Nobody can be told that nobody listens.
    end
  end
end
