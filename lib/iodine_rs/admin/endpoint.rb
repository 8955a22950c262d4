# frozen_string_literal: true

module IodineRs
  class Admin
    # One address and who has connected to it.
    class Endpoint
      include Monotonic

      # Clients at once; others wait in the kernel.
      CLIENTS = 16
      # Seconds without accepting where that failed: there may be no descriptor left.
      REST = 1
      private_constant :CLIENTS, :REST

      # @param address [Bind::TCP, Bind::SSL, Bind::Unix]
      # @param app [#call] gets path and query, returns status, content type and body
      # @param development [Boolean] whether an ssl:// address may do without a certificate
      def initialize(address, app, log, development: false)
        @address = address
        @app = app
        @log = log
        @binder = Binder.new(development:)
        @clients = []
        @complaints = Complaints.new
        @rests_until = now
      end

      # @raise [Error, SystemCallError]
      def open
        @binder.bind(@address)
        self
      end

      # The open sockets.
      def listeners = @binder.listeners

      # The real address.
      def url = listeners.first.url
      def to_s = listeners.first.to_s

      # Whether connections are encrypted, and lines about that for whoever starts the server.
      def tls? = @binder.tls?
      def notes = @binder.notes

      # See Binder.
      def reload_certificates = @binder.reload_certificates(@log)

      # What to wait for.
      def readers = [*(listening if accepts?), *@clients.reject(&:writes?)]
      def writers = @clients.select(&:writes?)

      # Seconds until something has to be looked at without an event; nil for never.
      def patience = [*@clients.map(&:time_left), *(@rests_until - now if @rests_until > now)].min

      # Accepts, reads, answers and writes what is possible without waiting.
      def turn(readable, writable)
        listeners.each { |listener| accept(listener) if readable.include?(listener.io) }
        (@clients & readable).each { |client| serve(client) }
        (@clients & writable).each(&:write)
        @clients.reject! { |client| client.late? ? client.close : client.closed? }
      end

      def close
        @clients.each(&:close)
        @binder.close
      end

      private

      def listening = listeners.map(&:io)
      def accepts? = @clients.size < CLIENTS && now >= @rests_until

      def accept(listener)
        socket = listener.io.accept_nonblock(exception: false)
        @clients << Client.new(socket, listener.tls&.acceptor&.open) unless socket == :wait_readable
      rescue SystemCallError, ConfigError => error
        return if error.is_a?(Errno::ECONNABORTED)

        @rests_until = now + REST
        @log.error("cannot accept on #{self}: #{error.message}")
      end

      def serve(client)
        client.read { |path, query| answer(path, query) }
        complain(client.complaint) if client.complaint
      end

      # One line a second: anybody can cause them.
      def complain(why)
        @log.error("SSL error on #{url}: #{why}") if @complaints.due?
      end

      def answer(path, query)
        @app.call(path, query)
      rescue StandardError => error
        @log.error("#{path}: #{error.full_message(highlight: false)}")
        [500, "text/plain", "#{error.class}; the log tells more"]
      end
    end
  end
end
