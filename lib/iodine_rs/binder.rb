# frozen_string_literal: true

require "socket"

module IodineRs
  # Opens listening sockets and closes them again. Errors are the system's own classes, their message says what to do.
  class Binder
    # One open socket: `url` is its real address, `path` the file to remove at the end (nil if there is none), `asked` the
    # address that it was opened for, `origin` whether it was there before: :inherited from the process before a hot
    # restart, :activated by systemd. `systemd` says whether that opened it, however long ago.
    # `tls` is nil where connections are not encrypted, `query` the parameters of the address.
    Listener = Struct.new(:io, :url, :path, :asked, :origin, :systemd, :tls, :query) do
      # As it is printed: http for what a browser can open; what was there before by its address (row B-07).
      def to_s = [origin ? url : url.sub(/\Atcp/, "http"), *query].join("?")

      # The file of a Unix socket; nil for others, also in the abstract namespace.
      def file
        own = io.local_address
        own.unix_path if own.unix? && !own.unix_path.start_with?("\0")
      end

      # Whether it listens on an address.
      def at?(address)
        return true if asked == address.to_s
        return named?(address) if address.is_a?(Bind::Unix)

        own = io.local_address
        own.ip? && own.ip_port == address.port &&
          (address.host == "localhost" ? own.ipv4_loopback? || own.ipv6_loopback? : own.ip_address == address.host)
      end

      # Whether that address and its own are all interfaces, of IPv4 and of IPv6.
      def everywhere?(address)
        return false if address.is_a?(Bind::Unix)

        own = io.local_address
        own.ip? && own.ip_port == address.port && [own.ip_address, address.host].all? { |host| EVERYWHERE.include?(host) }
      end

      private

      # A deployment's `current` is another way to the same file.
      def named?(address)
        return url == "unix://#{address}" if address.abstract?

        !file.nil? && File.realdirpath(file) == File.realdirpath(address.path)
      rescue SystemCallError
        # A directory that does not exist.
        false
      end
    end

    ADVICE = {
      Errno::EADDRINUSE => "another process listens there; choose another port",
      Errno::EACCES => "ports below 1024 are for root; choose another one",
      Errno::EADDRNOTAVAIL => "no interface of this machine has that address"
    }.freeze
    UNIX_ADVICE = {
      Errno::ENOENT => "its directory does not exist",
      Errno::EACCES => "no permission to create it there"
    }.freeze
    EVERYWHERE = %w[0.0.0.0 ::].freeze
    # How often "localhost:0" looks for a port that is free on each loopback address.
    TRIES = 10
    # Where Linux' struct tcp_info has `tcpi_unacked`, which is the length of the accept queue for a socket that listens.
    QUEUED = "@24L"
    private_constant :ADVICE, :UNIX_ADVICE, :EVERYWHERE, :TRIES, :QUEUED

    # The open sockets, in the order of their addresses.
    attr_reader :listeners

    # @param inherited [String, nil] what `bequeath` of the process before a hot restart said
    # @param activated [Integer] sockets that systemd has opened
    # @param development [Boolean] whether an ssl:// address may do without a certificate
    def initialize(inherited: nil, activated: 0, development: false)
      @development = development
      @listeners = []
      @pid = Process.pid
      systemds, own = inherited(inherited).partition(&:systemd)
      @inherited = own.group_by(&:asked)
      @activated = systemds + activated(activated)
    end

    # Listens on an address (see Bind; a text is parsed) and returns the new listeners. A socket of the process before a
    # hot restart is used again, and so is one that systemd has opened.
    def bind(address)
      address = Bind.parse(address)
      asked = address.to_s
      # First: a certificate that cannot be read must leave no port open.
      tls = TLS.new(address.tls, development: @development) if address.is_a?(Bind::SSL)
      opened = @inherited.delete(asked) || take_activated(address) || open(address)
      opened.each do |listener|
        listener.asked = asked
        encrypt(listener, tls, address.query) if tls
      end
      @listeners.concat(opened)
      opened
    end

    # Whether systemd has opened a socket that nobody has asked for, at that address or at any.
    def activated?(address = nil) = (address ? activated_at(Bind.parse(address)) : @activated).any?

    # Listens on what systemd has opened and nobody has asked for, and returns it.
    def bind_activated
      @activated.each { |listener| listener.asked = listener.url }
      @listeners.concat(@activated)
      @activated.tap { @activated = [] }
    end

    # Closes what was there before and is not wanted, and removes its files; returns it.
    def close_unused
      @activated.each { |listener| listener.path = listener.file }
      unused = @inherited.values.flatten + @activated
      @inherited, @activated = {}, []
      unused.each { |listener| dispose(listener) }
    end

    # From now on the sockets outlive this process: what its successor has to be told (lines of descriptor, address as it
    # was asked for, real address, path, whether it is systemd's), and the descriptors it gets.
    def bequeath
      @kept = true
      lines = @listeners.map { |one| [one.io.fileno, one.asked, one.url.sub(/\Assl/, "tcp"), one.path, one.systemd].join("\t") }
      [lines.join("\n"), @listeners.to_h { |one| [one.io.fileno, one.io.fileno] }]
    end

    # Keeps the sockets open through `close`, for `bequeath`.
    def keep
      @kept = true
    end

    # Closes the sockets after all.
    def release
      @kept = false
      close
    end

    # Whether any of them is encrypted.
    def tls? = @listeners.any?(&:tls)

    # Lines for whoever starts the server.
    def notes = @listeners.filter_map(&:tls).uniq.flat_map(&:notes)

    # Reads certificates and keys anew, for the connections to come. What cannot be used is told, and the old ones stay.
    #
    # @return [Array<String>] the addresses that have others now
    def reload_certificates(log)
      @listeners.select(&:tls).group_by(&:tls).filter_map do |tls, listeners|
        tls.reload
        listeners.map(&:url)
      rescue ConfigError => error
        log.error("the certificates of #{listeners.first.url} stay as they are: #{error.message}")
        nil
      end.flatten
    end

    # The TCP ports, each once.
    def connected_ports
      @listeners.map { |listener| listener.io.local_address }.select(&:ip?).map(&:ip_port).uniq
    end

    # TCP connections that wait in the kernel to be accepted; 0 where the system does not tell.
    def accept_queue
      return 0 unless RUBY_PLATFORM.include?("linux")

      sockets = @listeners.map(&:io).reject(&:closed?).grep(TCPServer)
      sockets.sum { |socket| socket.getsockopt(:TCP, :INFO).data.unpack1(QUEUED) }
    end

    # Closes the sockets and removes their files. A forked child only closes its own copies.
    def close
      @listeners.each { |listener| dispose(listener) } unless @kept && @pid == Process.pid
    end

    private

    def dispose(listener)
      listener.io.close
      File.unlink(listener.path) if listener.path && @pid == Process.pid
    rescue SystemCallError
      # Gone already, or out of reach of the user that a server started by root has become.
    end

    def encrypt(listener, tls, query)
      listener.tls = tls
      listener.query = query
      listener.url = listener.url.sub(/\Atcp/, "ssl")
    end

    def open(address)
      address.is_a?(Bind::Unix) ? [unix(address)] : tcp(address)
    end

    # The descriptors of sd_listen_fds(3) begin at 3.
    def activated(count)
      (3...3 + count).map do |descriptor|
        address = Socket.for_fd(descriptor).tap { |socket| socket.autoclose = false }.local_address
        next Listener.new(UNIXServer.for_fd(descriptor), "unix://#{address.unix_path.sub(/\A\0/, "@")}", nil, nil, :activated, true) if address.unix?

        url = "tcp://#{Bind::TCP.new(address.ip_address, address.ip_port)}"
        Listener.new(TCPServer.for_fd(descriptor), url, nil, nil, :activated, true)
      end
    end

    def take_activated(address)
      found = activated_at(address)
      @activated -= found
      found unless found.empty?
    end

    # Units written for Puma say 0.0.0.0 where its `port` has become [::]. While the one is open, the other cannot be opened.
    def activated_at(address)
      found = @activated.select { |listener| listener.at?(address) }
      found.empty? ? @activated.select { |listener| listener.everywhere?(address) } : found
    end

    def inherited(text)
      text.to_s.lines(chomp: true).map do |line|
        descriptor, asked, url, path, systemd = line.split("\t", -1)
        server = (url.start_with?("unix") ? UNIXServer : TCPServer).for_fd(Integer(descriptor))
        Listener.new(server, url, path.empty? ? nil : path, asked, :inherited, systemd == "true")
      end
    end

    def tcp(address)
      address = address.dup.tap { |all| all.host = "0.0.0.0" } if Bind.without_ipv6?(address)
      return [listen(address.host, address)] unless address.host == "localhost"

      tries = address.port.zero? ? TRIES : 1
      begin
        loopback(address)
      rescue Errno::EADDRINUSE
        (tries -= 1).positive? ? retry : raise
      end
    end

    # All of them get the port of the first.
    def loopback(address)
      address = address.dup
      loopback_hosts.each_with_object([]) do |host, opened|
        opened << listen(host, address)
        address.port = opened.first.io.local_address.ip_port
      rescue SystemCallError
        opened.each { |listener| listener.io.close }
        raise
      end
    end

    def loopback_hosts
      hosts = Socket.ip_address_list.select { |address| address.ipv4_loopback? || address.ipv6_loopback? }
      hosts.empty? ? ["127.0.0.1"] : hosts.map(&:ip_address).uniq
    end

    # TCPServer sets SO_REUSEADDR itself.
    def listen(host, address)
      server = TCPServer.new(host, address.port)
      server.listen(address.backlog)
      Listener.new(server, "tcp://#{Bind::TCP.new(host, server.local_address.ip_port)}")
    rescue SystemCallError => error
      raise error.class, advice(Bind::TCP.new(host, address.port), error, ADVICE), cause: nil
    rescue SocketError => error
      raise BootError, "bind: #{error.message} - #{Bind::TCP.new(host, address.port)}"
    end

    # A file that was there before stays: it may belong to whoever set its permissions.
    def unix(address)
      found = !address.abstract? && File.exist?(address.path)
      remove_stale(address.path) if found
      server = with_umask(address.umask || 0) { UNIXServer.new(address.path.sub(/\A@/, "\0")) }
      server.listen(address.backlog)
      File.chmod(address.mode, address.path) if address.mode
      Listener.new(server, "unix://#{address.path}", (File.expand_path(address.path) unless found || address.abstract?))
    rescue SystemCallError => error
      raise error.class, advice(address, error, UNIX_ADVICE), cause: nil
    rescue ArgumentError => error
      raise ConfigError, "bind: #{error.message}: #{address.path}"
    end

    # Removes a socket that no server listens on any more.
    def remove_stale(path)
      raise BootError, "#{path} exists and is not a socket" unless File.socket?(path)

      UNIXSocket.new(path).close
      raise BootError, "There is already a server bound to: #{path}"
    rescue Errno::ECONNREFUSED
      File.unlink(path)
    end

    def with_umask(umask)
      before = File.umask(umask)
      yield
    ensure
      File.umask(before)
    end

    def advice(place, error, table) = ["bind(2) for #{place}", *table[error.class]].join(": ")
  end
end
