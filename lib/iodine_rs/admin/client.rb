# frozen_string_literal: true

module IodineRs
  class Admin
    # One connection to an endpoint: one request, one answer, within a limit.
    class Client
      include Monotonic

      # Seconds for all of it.
      PATIENCE = 5
      # Bytes of a request head.
      HEAD = 8192
      REQUEST = %r{\A[A-Z]+ (/[^\s?]*)(?:\?(\S*))? HTTP/1\.[01]\r?\n}
      REASONS = { 200 => "OK", 400 => "Bad Request", 403 => "Forbidden", 404 => "Not Found",
                  500 => "Internal Server Error" }.freeze
      private_constant :PATIENCE, :HEAD, :REQUEST, :REASONS

      def initialize(socket)
        @socket = socket
        @head = +""
        @deadline = now + PATIENCE
      end

      def to_io = @socket
      def closed? = @socket.closed?
      def answered? = !@answer.nil?

      # Seconds it still has.
      def time_left = [@deadline - now, 0].max
      def late? = now >= @deadline

      # Reads what is there. The block answers a complete head.
      def read
        read = @socket.read_nonblock(HEAD, exception: false)
        return if read == :wait_readable
        return close if read.nil?

        @head << read
        return respond(400, "text/plain", "The request head is too large") if @head.bytesize > HEAD

        respond(*judge { |*request| yield(*request) }) if @head.match?(/\r?\n\r?\n/)
      rescue SystemCallError
        close
      end

      # Writes what can be written, and hangs up after the last byte.
      def write
        written = @socket.write_nonblock(@answer, exception: false)
        return if written == :wait_writable

        @answer = @answer.byteslice(written..)
        close if @answer.empty?
      rescue SystemCallError
        close
      end

      # Always true.
      def close
        @socket.close
        true
      end

      private

      # A page of another site could send its visitor's browser here: such a request says so (Fetch Metadata).
      def judge
        path, query = REQUEST.match(@head)&.captures
        return [400, "text/plain", "Bad request"] unless path
        return [403, "text/plain", "Not for pages of other sites"] if @head.match?(/^sec-fetch-site: *(?:cross|same)-/i)

        yield path, query.to_s
      end

      def respond(status, type, body)
        @answer = "HTTP/1.1 #{status} #{REASONS.fetch(status)}\r\ncontent-type: #{type}\r\n" \
                  "content-length: #{body.bytesize}\r\nconnection: close\r\n\r\n".b
        @answer << body.b unless @head.start_with?("HEAD ")
        write
      end
    end
  end
end
