# frozen_string_literal: true

module IodineRs
  # An address to listen on, as users write it:
  #
  #   tcp://127.0.0.1:9292   tcp://[::1]:9292?backlog=64   localhost:9292
  #   unix:///run/app.sock?umask=0117   /run/app.sock
  #   ssl://0.0.0.0:443?cert=/etc/tls/site.crt&key=/etc/tls/site.key
  module Bind
    # The forms of an address, for messages.
    ACCEPTS = "tcp://host:port, unix:///path, ssl://host:port?cert=FILE&key=FILE, host:port or /path"

    # Where a server listens that was not told anything else.
    DEFAULT_PORT = 9292

    # A host and a port; "localhost" means every loopback address.
    TCP = Struct.new(:host, :port, :backlog) do
      # host:port, an IPv6 host in brackets.
      def to_s = "#{host.include?(":") ? "[#{host}]" : host}:#{port}"
    end

    # The same, encrypted; `tls` has parameters of TLS.
    SSL = Struct.new(:host, :port, :backlog, :tls) do
      def to_s = TCP.new(host, port).to_s

      # As it is printed: without what is secret.
      def inspect = "ssl://#{[self, *query].join("?")}".inspect

      # Its parameters, as an address has them.
      def query
        shown = tls.except("cert_pem", "key_pem", "key_password_command")
        shown.map { |name, value| "#{name}=#{value}" }.join("&") if shown.any?
      end
    end

    # A path, or "@name" for a socket in Linux' abstract namespace; `umask` and `mode` set who may connect.
    Unix = Struct.new(:path, :backlog, :umask, :mode) do
      def abstract? = path.start_with?("@")
      def to_s = path
    end

    # Connections that may wait in the kernel.
    BACKLOG = 1024

    FORM = %r{\A(?:(?<scheme>\w+)://)?(?<place>[^?]*)(?:\?(?<query>.*))?\z}m
    HOST_AND_PORT = /\A(?:\[(?<v6>[^\[\]]+)\]|(?<name>[^:\[\]\/\s]*)):(?<port>\d{1,5})\z/
    private_constant :FORM, :HOST_AND_PORT

    class << self
      # The TCP or Unix address; raises ConfigError for anything else.
      def parse(text)
        return text if [TCP, Unix, SSL].include?(text.class)

        form = FORM.match(text.to_s)
        case form[:scheme]
        when "tcp" then tcp(text, form)
        when "unix" then unix(text, form)
        when nil then form[:place].match?(%r{\A[/@.]}) ? unix(text, form) : tcp(text, form)
        when "ssl" then ssl(text, form)
        else refuse(text)
        end
      end

      # The address of an encrypted port; `parameters` by the names of `ssl_bind` (see TLS::PARAMETERS, and backlog).
      def ssl_port(host, port, parameters)
        place = port(port, host).delete_prefix("tcp://")
        parameters = parameters.compact.to_h do |name, value|
          [name.to_s, value.is_a?(Array) ? value.join(",") : value.to_s]
        end
        encrypted(FORM.match("ssl://#{place}"), "ssl://#{place}", parameters)
      end

      # The address of a port on that host; without a host on all interfaces.
      def port(port, host = nil)
        unless port.to_s.match?(/\A\d{1,5}\z/) && port.to_i <= 65_535
          raise ConfigError, "port: #{port.inspect} is not accepted; it takes an integer from 0 to 65535"
        end

        "tcp://#{TCP.new(host&.delete("[]") || default_host, port)}"
      end

      # All interfaces: IPv6, which takes IPv4 along, where this machine is reachable by it.
      def default_host
        require "socket"
        Socket.ip_address_list.any? { |address| address.ipv6? && !address.ipv6_loopback? } ? "::" : "0.0.0.0"
      end

      # Whether an address means all interfaces by IPv6 on a machine that has none.
      def without_ipv6?(address) = address.is_a?(TCP) && address.host == "::" && default_host != "::"

      private

      def tcp(text, form)
        query = parameters(text, form, %w[backlog low_latency])
        TCP.new(*host_and_port(text, form), backlog(text, query))
      end

      def ssl(text, form)
        query = parameters(text, form, [*TLS::PARAMETERS, "backlog", "low_latency"])
        encrypted(form, text, query.transform_values { |value| decode(value) })
      end

      def encrypted(form, text, parameters)
        unknown = parameters.keys - TLS::PARAMETERS - %w[backlog low_latency]
        refuse(text, "unknown parameter #{unknown.first}") if unknown.any?

        tls = parameters.slice(*TLS::PARAMETERS)
        TLS.check(tls)
        SSL.new(*host_and_port(text, form), backlog(text, parameters), tls)
      end

      # Other servers than these need no URI, whose loading would be a tenth of their boot.
      def decode(value)
        require "uri"
        URI.decode_www_form_component(value)
      end

      def host_and_port(text, form)
        match = HOST_AND_PORT.match(form[:place]) or refuse(text)
        port = Integer(match[:port], 10)
        refuse(text, "a port is at most 65535") if port > 65_535

        host = match[:v6] || match[:name]
        [host.empty? ? default_host : host, port]
      end

      def unix(text, form)
        path = form[:place].gsub("%20", " ")
        refuse(text) if path.empty? || path.include?("\0")

        query = parameters(text, form, %w[backlog umask mode])
        Unix.new(path, backlog(text, query), permission(text, query["umask"]), permission(text, query["mode"]))
      end

      def parameters(text, form, known)
        pairs = form[:query].to_s.split("&").to_h { |pair| pair.partition("=").values_at(0, 2) }
        unknown = pairs.keys - known
        refuse(text, "unknown parameter #{unknown.first}; known here: #{known.join(", ")}") if unknown.any?

        pairs
      end

      def backlog(text, query)
        backlog = Integer(query.fetch("backlog", BACKLOG), exception: false)
        backlog&.bit_length&.<(32) ? backlog : refuse(text, "backlog takes an integer")
      end

      def permission(text, digits)
        Options::Type.permission.call(digits) if digits
      rescue ArgumentError
        refuse(text, "umask and mode take octal digits")
      end

      def refuse(text, reason = "it takes #{ACCEPTS}")
        raise ConfigError, "bind: #{text.inspect} is not accepted; #{reason}"
      end
    end
  end
end
