# frozen_string_literal: true

module IodineRs
  # The line for each request. The native core makes and writes it; this says where it goes: to a file, to the app's
  # logger, or to the standard output.
  class AccessLog
    # Its number, whatever file is behind it at the moment.
    STDOUT_NUMBER = 1
    # The last line for the app's logger; no request makes such a one.
    LAST = "\0\n"
    private_constant :STDOUT_NUMBER, :LAST

    def initialize(options)
      @options = options
      @path = options[:access_log] && File.expand_path(options[:access_log])
    end

    # Whether there is a file that can be opened anew.
    def file? = !@path.nil?

    # @raise [BootError] where the file cannot be written
    def check
      File.open(@path, "a").close if file?
    rescue SystemCallError => error
      raise BootError, "cannot write the access log: #{error.message}"
    end

    # Where the core writes to: a path, a descriptor, or nil for no log. The app's logger gets the lines by a pipe, since
    # only Ruby's threads may call it.
    def target
      return @path if file?
      return unless @options[:log_requests]

      @options[:custom_logger] ? pipe.fileno : STDOUT_NUMBER
    end

    # The core writes no more: waits for the logger, for so many seconds at most.
    def finish(seconds)
      return unless @thread

      @pipe.write_nonblock(LAST, exception: false)
      @thread.join(seconds) || @thread.kill
      [@reader, @pipe].each(&:close)
    end

    private

    def pipe
      @reader, @pipe = IO.pipe
      @thread = Thread.new(@options[:custom_logger]) do |logger|
        while (line = @reader.gets) && line != LAST
          hand_over(logger, line)
        end
      end
      @thread.name = "iodine-rs access log"
      @pipe
    end

    def hand_over(logger, line)
      logger.write(line)
    rescue StandardError => error
      warn "custom_logger: #{error.full_message(highlight: false)}"
    end
  end
end
