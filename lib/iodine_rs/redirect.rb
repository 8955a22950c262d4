# frozen_string_literal: true

module IodineRs
  # Sends the standard output and error to files, and opens these anew after they were moved away (logrotate).
  class Redirect
    # What log tools look for where a server begins and ends (Puma's own words).
    def self.marker(event) = "=== puma #{event}: #{Time.now} ==="

    def initialize(options)
      @append = options[:redirect_append]
      targets = { $stdout => options[:redirect_stdout], $stderr => options[:redirect_stderr] }.compact
      @targets = targets.transform_values { |path| File.expand_path(path) }
    end

    # Whether there is anything to redirect.
    def any? = @targets.any?

    # @raise [BootError] where a file cannot be written
    def start
      open(@append ? "a" : "w")
      mark
    end

    # Says in each file that it begins here.
    def mark = @targets.each_key { |io| say(io, Redirect.marker("startup")) }

    # Goes on in files of the same names. Where that is impossible it goes on in the old ones: a server must not end
    # because its logs cannot be turned.
    def reopen
      open("a")
    rescue BootError => error
      say($stderr, error.message)
    end

    private

    # A full disk is no reason not to serve.
    def say(io, line)
      io.puts(line)
    rescue SystemCallError
      # Nobody can be told.
    end

    def open(mode)
      @targets.each do |io, path|
        io.reopen(path, mode)
        io.sync = true
      end
    rescue SystemCallError => error
      raise BootError, "cannot redirect the output: #{error.message}"
    end
  end
end
