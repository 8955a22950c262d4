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

      # @param address [Bind::TCP, Bind::Unix]
      # @param app [#call] gets path and query, returns status, content type and body
      def initialize(address, app, log)
        @address = address
        @app = app
        @log = log
        @binder = Binder.new
        @clients = []
        @rests_until = now
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
      def readers = [*(listening if accepts?), *@clients.reject(&:answered?)]
      def writers = @clients.select(&:answered?)

      # Seconds until something has to be looked at without an event; nil for never.
      def patience = [*@clients.map(&:time_left), *(@rests_until - now if @rests_until > now)].min

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
      def accepts? = @clients.size < CLIENTS && now >= @rests_until

      def accept(listener)
        socket = listener.accept_nonblock(exception: false)
        @clients << Client.new(socket) unless socket == :wait_readable
      rescue SystemCallError => error
        return if error.is_a?(Errno::ECONNABORTED)

        @rests_until = now + REST
        @log.error("cannot accept on #{self}: #{error.message}")
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
