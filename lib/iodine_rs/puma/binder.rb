# frozen_string_literal: true

module IodineRs
  module Puma
    # What a server listens on, by Puma's names.
    class Binder
      # @param binder [IodineRs::Binder] the sockets; an embedded server takes none that the process was started with
      def initialize(log_writer, _options = nil, binder: IodineRs::Binder.new)
        @log_writer = log_writer
        @binder = binder
      end

      # Listens on the addresses and prints where.
      def parse(addresses, log_writer = @log_writer, message = "Listening")
        addresses.flat_map { |address| @binder.bind(address) }.each { |listener| log_writer&.log("* #{message} on #{listener}") }
      end

      # Listens on a port, 0 for a free one; "localhost" listens on every loopback address.
      #
      # @return [TCPServer] the socket (the first, if there are several)
      def add_tcp_listener(host, port, _low_latency = true, backlog = Bind::BACKLOG)
        @binder.bind(Bind::TCP.new(host.delete("[]"), Integer(port), backlog)).first.io
      end

      # Listens on an encrypted port; see `add_tcp_listener`.
      #
      # @param context [MiniSSL::Context, nil] without one the certificate is that of the localhost gem
      # @raise [MiniSSL::SSLError] for a certificate, a key or a rule that cannot be used
      def add_ssl_listener(host, port, context, _low_latency = true, backlog = Bind::BACKLOG)
        parameters = context ? context.parameters : {}
        TLS.check(parameters)
        listener = @binder.bind(Bind::SSL.new(host.delete("[]"), Integer(port), backlog, parameters)).first
        listener.tls.notes.each { |note| @log_writer&.log("* #{note}") }
        listener.io
      rescue ConfigError => error
        raise MiniSSL::SSLError, error.message
      end

      # Listens on a Unix socket.
      #
      # @return [UNIXServer]
      def add_unix_listener(path, umask = nil, mode = nil, backlog = Bind::BACKLOG)
        @binder.bind(Bind::Unix.new(path, backlog, umask, mode)).first.io
      end

      # The open sockets.
      def ios = @binder.listeners.map(&:io)

      # Each as its address and its socket.
      def listeners = @binder.listeners.map { |listener| [listener.url, listener.io] }

      # The TCP ports, each once.
      def connected_ports = @binder.connected_ports

      # Closes the sockets.
      def close = @binder.close
      alias close_listeners close

      OWN = public_instance_methods(false).freeze
      private_constant :OWN

      # The addresses of a server are not opened by this class: what a gem changes here would come to nothing, silently.
      #
      # @raise [ConfigError]
      def self.method_added(name)
        return super unless OWN.include?(name)

        raise ConfigError, "Puma::Binder##{name} cannot be changed, this server does not open its addresses by it. " \
                           "puma-acme does that: have an ACME client write the certificate to files and name them in " \
                           "ssl_bind; HUP reads them anew"
      end
    end
  end
end
