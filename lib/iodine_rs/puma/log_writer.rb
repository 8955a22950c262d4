# frozen_string_literal: true

require "stringio"

module IodineRs
  module Puma
    # Where a server's lines go: messages to `stdout`, problems to `stderr`.
    class LogWriter
      # Prints a line as it is.
      class DefaultFormatter
        def call(line) = line
      end

      # Puts the process id before it.
      class PidFormatter
        def call(line) = "[#{Process.pid}] #{line}"
      end

      class << self
        # Keeps the lines in two StringIO.
        def strings(**) = new(StringIO.new, StringIO.new)

        # Prints them.
        def stdio(**) = new($stdout, $stderr)

        # Drops them.
        def null(**) = new(File.open(File::NULL, "w"), File.open(File::NULL, "w"))
      end

      attr_reader :stdout, :stderr
      attr_accessor :formatter, :custom_logger

      # @param log [Log, nil] prints the messages instead, where there is one already
      def initialize(stdout, stderr, log: nil, **)
        @stdout = stdout
        @stderr = stderr
        @log = log
        @formatter = DefaultFormatter.new
        @debug = ENV.key?("PUMA_DEBUG")
      end

      # Prints a message and the end of a line.
      def log(text)
        return custom_logger.write(format(text)) if custom_logger.respond_to?(:write)

        (@log || Log.new(out: stdout, err: stderr, format: formatter)).info(text)
      end

      # Prints a message as it is.
      def write(text)
        stdout.write(format(text))
      end

      # Prints a message, or what the block returns, where PUMA_DEBUG is set.
      def debug(text = nil)
        log("% #{block_given? ? yield : text}") if debug?
      end

      def debug? = @debug

      # Prints a problem and ends the process with status 1.
      def error(text)
        (@log || Log.new(out: stdout, err: stderr)).error(format("ERROR: #{text}"))
        exit 1
      end

      # A message as it is printed.
      def format(text) = formatter.call(text)

      # Prints an exception.
      def unknown_error(exception, _request = nil, text = "Unknown error")
        Log.new(out: stdout, err: stderr).error("#{text}: #{exception.inspect}")
      end

      # Prints an exception, where PUMA_DEBUG is set.
      def debug_error(exception, request = nil, text = "") = debug? && unknown_error(exception, request, text)

      alias connection_error unknown_error
      alias parse_error unknown_error

      DEFAULT = new($stdout, $stderr)
    end
  end
end
