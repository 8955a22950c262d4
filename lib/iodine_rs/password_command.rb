# frozen_string_literal: true

module IodineRs
  # The command that prints the password of a key. It runs while the server boots, and in the master's loop when HUP comes:
  # it has so many seconds, and is killed then.
  class PasswordCommand
    include Monotonic

    # Seconds where an address does not say.
    PATIENCE = 10
    # Bytes of its output, and of its complaints.
    MOST = 65_536
    private_constant :MOST

    # @param command [String] as for a shell
    # @param patience [Numeric] seconds
    def initialize(command, patience = PATIENCE)
      @command = command
      @patience = patience
    end

    # What it prints, without the end of the line.
    #
    # @raise [ConfigError] where it fails, or does not end in time
    def password
      require "open3"
      @deadline = now + @patience
      Open3.popen3(@command, pgroup: own_group?) do |stdin, out, errors, process|
        stdin.close
        run(process, out => +"".b, errors => +"".b)
      end
    rescue SystemCallError => error
      raise ConfigError, "ssl: key_password_command: #{error.message}"
    end

    private

    # A group can be killed with all that the command has started. At a terminal it may have to ask somebody, which only
    # those of the terminal's own group can.
    def own_group? = !$stdin.tty?

    def run(process, texts)
      late(process) unless read(texts) && process.join(left)
      output, complaints = texts.values
      status = process.value
      return output.force_encoding(Encoding.default_external).chomp if status.success?

      reason = status.exitstatus || "SIG#{Signal.signame(status.termsig)}"
      raise ConfigError, "ssl: key_password_command failed with #{reason}: #{complaints.scrub.strip}"
    end

    # Whether both came to their ends in time.
    def read(texts)
      open = texts.keys
      until open.empty?
        ready, = IO.select(open, nil, nil, left)
        return false unless ready

        open -= ready.reject { |io| take(io, texts[io]) }
      end
      true
    end

    # Whether more may come.
    def take(io, text)
      bytes = io.read_nonblock(MOST, exception: false)
      text << bytes if bytes.is_a?(String) && text.bytesize < MOST
      !bytes.nil?
    end

    def left = [@deadline - now, 0].max

    def late(process)
      kill(process.pid)
      raise ConfigError, "ssl: key_password_command has not ended and closed its output within #{@patience} seconds " \
                         "(key_password_timeout): killed"
    end

    # What it has started may hold its output open when it has ended itself.
    def kill(pid)
      Process.kill("KILL", own_group? ? -pid : pid)
    rescue Errno::ESRCH
      # Nothing is left of it.
    end
  end
end
