# frozen_string_literal: true

module IodineRs
  class Admin
    # One connection to an endpoint: one request, one answer, within a limit.
    class Client
      include Monotonic

      # Seconds for all of it, a TLS handshake included.
      PATIENCE = 5
      # Bytes of a request head.
      HEAD = 8192
      REQUEST = %r{\A[A-Z]+ (/[^\s?]*)(?:\?(\S*))? HTTP/1\.[01]\r?\n}
      REASONS = { 200 => "OK", 400 => "Bad Request", 403 => "Forbidden", 404 => "Not Found",
                  500 => "Internal Server Error" }.freeze
      # What the first byte of a TLS connection says (RFC 8446, section 5.1).
      HANDSHAKE = 22
      SPEAK_TLS = "This address speaks TLS (SSL)"
      private_constant :PATIENCE, :HEAD, :REQUEST, :REASONS, :HANDSHAKE, :SPEAK_TLS

      # Why there is no TLS with the client; nil where there is nothing to complain of.
      attr_reader :complaint

      # @param engine [TLSEngine, nil] where the address is encrypted
      def initialize(socket, engine = nil)
        @socket = socket
        @engine = engine
        @head = +"".b
        @outgoing = +"".b
        @deadline = now + PATIENCE
      end

      def to_io = @socket
      def closed? = @socket.closed?

      # Whether it has to write before it reads.
      def writes? = !@outgoing.empty?

      # Seconds it still has.
      def time_left = [@deadline - now, 0].max
      def late? = now >= @deadline

      # Reads what is there. The block answers a complete head.
      def read(&)
        bytes = @socket.read_nonblock(HEAD, exception: false)
        return if bytes == :wait_readable
        return close if bytes.nil?

        @engine ? decrypt(bytes, &) : take(bytes, &)
        write
      rescue SystemCallError
        close
      end

      # Writes what can be written, and hangs up after the last byte.
      def write
        written = @outgoing.empty? ? 0 : @socket.write_nonblock(@outgoing, exception: false)
        return if written == :wait_writable

        @outgoing = @outgoing.byteslice(written..)
        close if @outgoing.empty? && @last
      rescue SystemCallError
        close
      end

      # Always true.
      def close
        @socket.close
        true
      end

      private

      def decrypt(bytes, &)
        return speak_tls unless @begun ||= bytes.getbyte(0) == HANDSHAKE

        take(@engine.receive(bytes), &)
      rescue IOError => error
        @complaint = error.message
        @last = true
      ensure
        @outgoing << @engine.outgoing if @engine
      end

      def speak_tls
        @complaint = "not a TLS handshake"
        @engine = nil
        respond(400, "text/plain", SPEAK_TLS)
      end

      def take(bytes)
        @head << bytes
        return respond(400, "text/plain", "The request head is too large") if @head.bytesize > HEAD

        respond(*judge { |*request| yield(*request) }) if @head.match?(/\r?\n\r?\n/)
      end

      # A page of another site could send its visitor's browser here: such a request says so (Fetch Metadata).
      def judge
        path, query = REQUEST.match(@head)&.captures
        return [400, "text/plain", "Bad request"] unless path
        return [403, "text/plain", "Not for pages of other sites"] if @head.match?(/^sec-fetch-site: *(?:cross|same)-/i)

        yield path, query.to_s
      end

      def respond(status, type, body)
        answer = "HTTP/1.1 #{status} #{REASONS.fetch(status)}\r\ncontent-type: #{type}\r\n" \
                 "content-length: #{body.bytesize}\r\nconnection: close\r\n\r\n".b
        answer << body.b unless @head.start_with?("HEAD ")
        @engine ? @engine.finish(answer) : @outgoing << answer
        @last = true
      end
    end
  end
end
