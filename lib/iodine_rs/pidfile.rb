# frozen_string_literal: true

module IodineRs
  # The file that tells others the process id. It overwrites what an earlier process left behind.
  class Pidfile
    # @param path [String, nil] nil writes nothing
    def initialize(path)
      @path = path && File.expand_path(path)
    end

    def write
      return unless @path

      File.write(@path, "#{Process.pid}\n")
      @pid = Process.pid
    rescue SystemCallError => error
      raise BootError, "cannot write the pidfile: #{error.message}"
    end

    # Only the process that wrote it removes it: a forked child runs the same `ensure`.
    def remove
      File.unlink(@path) if @pid == Process.pid
    rescue SystemCallError
      # Gone already, or out of reach: nothing depends on it any more.
    end
  end
end
