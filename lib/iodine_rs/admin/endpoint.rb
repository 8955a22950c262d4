# frozen_string_literal: true

module IodineRs
  class Admin
    # One address and who has connected to it.
    class Endpoint
      # Clients at once; others wait in the kernel.
      CLIENTS = 16
      private_constant :CLIENTS

      # @param address [Bind::TCP, Bind::Unix]
      # @param app [#call] gets path and query, returns status, content type and body
      def initialize(address, app, log)
        @address = address
        @app = app
        @log = log
        @binder = Binder.new(env: {})
        @clients = []
      end

      # @raise [Error, SystemCallError]
      def open
        @binder.bind(@address)
        self
      end

      # The real address.
      def url = @binder.listeners.first.url
      def to_s = @binder.listeners.first.to_s

      # What to wait for.
      def readers = [*(listening if @clients.size < CLIENTS), *@clients.reject(&:answered?)]
      def writers = @clients.select(&:answered?)

      # Seconds until a client has had its time.
      def patience = @clients.map(&:time_left).min

      # Accepts, reads, answers and writes what is possible without waiting.
      def turn(readable, writable)
        (listening & readable).each { |socket| accept(socket) }
        (@clients & readable).each { |client| client.read { |path, query| answer(path, query) } }
        (@clients & writable).each(&:write)
        @clients.reject! { |client| client.late? ? client.close : client.closed? }
      end

      def close
        @clients.each(&:close)
        @binder.close
      end

      private

      def listening = @binder.listeners.map(&:io)

      def accept(listener)
        socket = listener.accept_nonblock(exception: false)
        @clients << Client.new(socket) unless socket == :wait_readable
      rescue SystemCallError => error
        # It went away, or there is no descriptor left: the next turn tries again.
        @log.error("the control server cannot accept: #{error.message}") unless error.is_a?(Errno::ECONNABORTED)
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
