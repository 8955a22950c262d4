# frozen_string_literal: true

require "optparse"
require "socket"

module IodineRs
  # `iodine-rs ctl`: commands a running server, as pumactl does. Where the server has a control app it is asked, else the
  # process gets a signal.
  class Ctl
    # Each command with its signal; nil where only the control app can do it.
    COMMANDS = {
      "gc" => nil, "gc-stats" => nil, "halt" => "QUIT", "info" => ThreadBacktraces::SIGNAL, "phased-restart" => "USR1",
      "refork" => nil, "reload-worker-directory" => nil, "reopen-log" => "HUP", "restart" => "USR2", "start" => nil,
      "stats" => nil, "status" => 0, "stop" => "TERM", "thread-backtraces" => nil, "worker-count-down" => "TTOU",
      "worker-count-up" => "TTIN"
    }.freeze
    # The control app does not know them.
    SIGNALS_ONLY = %w[info reopen-log worker-count-down worker-count-up].freeze
    # Those whose answer is printed.
    PRINTED = %w[gc-stats stats thread-backtraces].freeze
    # Seconds the server may take to answer.
    PATIENCE = 10
    private_constant :COMMANDS, :SIGNALS_ONLY, :PRINTED, :PATIENCE

    # @param argv [Array<String>] what follows `ctl`
    def initialize(argv, out: $stdout, env: ENV)
      @argv = argv.dup
      @out = out
      @env = env
      @given = {}
    end

    # @return [Integer] the status to exit with: 1 where the command could not be given, or the server does not run
    def run
      catch(:done) do
        command = parse
        command == "start" ? start : give(command)
      end
    rescue Error, OptionParser::ParseError, SystemCallError, SocketError, IO::TimeoutError => error
      say(error.message)
      1
    end

    private

    def parse
      words = parser.parse(@argv)
      command = words.first or raise Error, "Available commands: #{COMMANDS.keys.join(", ")}"
      raise Error, "Invalid command: #{command}" unless COMMANDS.key?(command)

      command
    end

    def parser
      OptionParser.new do |o|
        o.banner = "Usage: iodine-rs ctl (-S state | -P pidfile | -p pid | -C url -T token | -F config) COMMAND"
        o.separator "\nCommands: #{COMMANDS.keys.each_slice(6).map { |row| row.join(" ") }.join("\n          ")}\n\n"
        { state: ["-S", "--state PATH", "State file of the server (state_path)"],
          pidfile: ["-P", "--pidfile PATH", "Its pidfile"],
          pid: ["-p", "--pid PID", Integer, "Its process id"],
          url: ["-C", "--control-url URL", "Address of its control app"],
          token: ["-T", "--control-token TOKEN", "What that asks for"],
          ca: ["--ca FILE", "Authority of an ssl:// control app, which is verified then"],
          cert: ["--cert FILE", "Certificate to show to it"],
          key: ["--key FILE", "The key of that"],
          key_password_command: ["--key-password-command COMMAND", "What prints the password of the key"],
          config: ["-F", "--config-file PATH", "Its configuration, read where nothing else is named; - reads none"],
          environment: ["-e", "--environment NAME", "Environment, for config/puma/NAME.rb"] }
          .each { |name, words| o.on(*words) { |value| @given[name] = value } }
        o.on("-Q", "--quiet", "Print nothing") { @quiet = true }
        o.on("-V", "--version", "Print the version") { done(VERSION) }
        o.on("-h", "-H", "--help", "Print this") { done(o.help) }
      end
    end

    def give(command)
      find_server
      @url && !SIGNALS_ONLY.include?(command) ? request(command) : signal(command)
      0
    end

    # --- Whom to command --------------------------------------------------------------------------------------------

    def find_server
      configuration = @given.keys.intersect?(%i[state pidfile pid url]) ? {} : read_configuration
      @url, @token = @given[:url], @given[:token]
      return read_state if (@state = @given[:state] || configuration[:state_path])

      @url ||= configuration[:control_url]
      @token ||= configuration[:control_token]
      pidfile = @given[:pidfile] || configuration[:pidfile]
      @pid = @given[:pid] || (Integer(File.read(pidfile), exception: false) if pidfile)
      raise Error, "The control app is at an address that only the state file knows: name it with -S" if @url == "auto"
    end

    def read_configuration
      Puma.claim
      files = @given[:config] && [@given[:config]] - ["-"]
      ConfigFile.read(files, typed: @given.slice(:environment), env: @env)
    end

    def read_state
      raise Error, "State file not found: #{@state}" unless File.exist?(@state)

      state = StateFile.read(@state)
      @pid = Integer(state["pid"] || "", exception: false)
      @url, @token = state.values_at("control_url", "control_auth_token")
    end

    # --- By the control app -----------------------------------------------------------------------------------------

    def request(command)
      connect do |socket|
        next say("iodine-rs is started") if command == "status"

        socket.write("GET /#{command}#{"?token=#{@token}" if @token} HTTP/1.0\r\n\r\n")
        judge(command, *socket.read.split("\r\n\r\n", 2))
      end
    rescue *tls_errors => error
      raise Error, "TLS: #{error.message}"
    end

    # Looked up when something has been raised: openssl is loaded for encrypted addresses only.
    def tls_errors = defined?(OpenSSL::SSL) ? [OpenSSL::SSL::SSLError] : []

    def connect
      address = Bind.parse(@url)
      socket = address.is_a?(Bind::Unix) ? UNIXSocket.new(address.path.sub(/\A@/, "\0")) : tcp(address)
      socket.timeout = PATIENCE
      yield address.is_a?(Bind::SSL) ? encrypt(socket, address) : socket
    ensure
      socket&.close
    end

    def tcp(address) = TCPSocket.new(address.host, address.port, connect_timeout: PATIENCE)

    # The server is verified where its authority is named; pumactl never does that.
    def encrypt(socket, address)
      words = identity(address)
      context = OpenSSL::SSL::SSLContext.new
      context.set_params(ca_file: words["ca"]) if words["ca"]
      context.add_certificate(*pair(words)) if words["cert"]
      OpenSSL::SSL::SSLSocket.new(socket, context).tap do |secured|
        secured.connect
        secured.post_connection_check(address.host) if words["ca"]
      end
    end

    # What is ours of an address are the parameters that were typed. One from elsewhere is the server's own.
    def identity(address)
      require "openssl"
      typed = @given[:url] ? address.tls : {}
      typed.merge(@given.slice(:ca, :cert, :key, :key_password_command).transform_keys(&:to_s))
    rescue LoadError => error
      raise Error, "ssl:// needs Ruby's openssl: #{error.message}"
    end

    # The certificate that a server may ask for, its key, and those between it and its root.
    def pair(words)
      raise Error, "A certificate and its key belong together: --cert FILE --key FILE" unless words["key"]

      first, *between = OpenSSL::X509::Certificate.load_file(words["cert"])
      password = PasswordCommand.new(words["key_password_command"]).password if words["key_password_command"]
      [first, OpenSSL::PKey.read(File.binread(words["key"]), password || ""), between]
    rescue OpenSSL::X509::CertificateError, OpenSSL::PKey::PKeyError => error
      raise Error, "The certificate or its key cannot be read: #{error.message}"
    end

    def judge(command, head = "", body = "")
      case head[%r{\AHTTP/1\.\d (\d{3})}, 1]
      when "200"
        say("Command #{command} sent success")
        say(body) if PRINTED.include?(command)
      when "403" then raise Error, "Unauthorized access to server (wrong auth token)"
      when "404" then raise Error, "Command error: #{body}"
      when nil then raise Error, "Server sent empty response"
      else raise Error, "Bad response from server: #{head.lines.first&.strip}"
      end
    end

    # --- By a signal ------------------------------------------------------------------------------------------------

    def signal(command)
      raise Error, "Neither pid nor control url available" unless @pid&.positive?

      name = COMMANDS[command]
      return say("'#{command}' not available via pid only") if name.nil?

      Process.kill(name, @pid)
      say(command == "status" ? "iodine-rs is started" : "Command #{command} sent success")
    rescue Errno::ESRCH
      return start if command == "restart"

      raise Error, command == "status" ? "iodine-rs is not running" : "No pid '#{@pid}' found"
    end

    # --- A new server -----------------------------------------------------------------------------------------------

    def start
      options = { "-S" => @given[:state], "--pidfile" => @given[:pidfile], "--control-url" => @given[:url],
                  "--control-token" => @given[:token], "-C" => @given[:config], "-e" => @given[:environment] }
      throw :done, CLI.new(options.compact.flatten, env: @env).run
    end

    def say(text) = @quiet || @out.puts(text)

    def done(text)
      @out.puts(text)
      throw :done, 0
    end
  end
end
