# frozen_string_literal: true

require "socket"
require_relative "eventually"
require_relative "response"

# A client that sends exactly the bytes it is given and waits with a limit for what comes back.
class RawSocket
  # Nothing (or not the wanted thing) arrived in time; the message shows what did.
  class TimeUp < Eventually::TimeUp; end

  # Seconds a wait lasts unless the call names another limit.
  LIMIT = Eventually::LIMIT

  # Connects and yields; closes afterwards.
  def self.open(...)
    socket = new(...)
    yield socket
  ensure
    socket&.close
  end

  # @param target [Integer, String] a TCP port, or the path of a Unix socket
  # @param receive_buffer [Integer, nil] SO_RCVBUF, for clients with a small window
  def initialize(target, host: "127.0.0.1", receive_buffer: nil)
    address = target.is_a?(String) ? Addrinfo.unix(target) : Addrinfo.tcp(host, target)
    @io = Socket.new(address.afamily, :STREAM)
    @io.setsockopt(:SOCKET, :RCVBUF, receive_buffer) if receive_buffer
    @io.connect(address)
    @io.setsockopt(:TCP, :NODELAY, true) if address.ip?
    @buffer = "".b
    @ended = false
    @reset = false
  end

  # The socket itself, for options and calls this class does not have.
  def to_io = @io

  # The client's own port.
  def local_port = @io.local_address.ip_port

  # True when the peer ended the connection with RST instead of FIN.
  def reset? = @reset

  # Sends all the bytes; raises Errno::EPIPE or Errno::ECONNRESET when the peer has gone. It keeps reading
  # meanwhile, so a peer that answers before it has read everything cannot block it.
  def write(bytes, limit: LIMIT)
    deadline = Eventually.now + limit
    rest = bytes.b
    until rest.empty?
      sent = @io.write_nonblock(rest, exception: false)
      if sent == :wait_writable
        wait_for_room(deadline, rest.bytesize)
      else
        rest = rest.byteslice(sent..)
      end
    end
    self
  end

  # Like write, for requests a server may refuse before it has read them all.
  def offer(bytes, limit: LIMIT)
    write(bytes, limit:)
  rescue Errno::EPIPE, Errno::ECONNRESET
    self
  end

  # Sends the bytes and reads one response.
  def request(bytes, head: false, limit: LIMIT)
    offer(bytes, limit:)
    read_response(head:, limit:)
  end

  # Reads one final response; the 1xx before it are in its `interim`.
  def read_response(head: false, limit: LIMIT)
    reading(limit) { |source| Response.read(source, head:) }
  end

  # Reads one 1xx response and nothing behind it.
  def read_interim(limit: LIMIT)
    reading(limit) { |source| Response.read_interim(source) }
  end

  # Reads the head of a response and nothing behind it; what follows is read by other means.
  def read_head(limit: LIMIT)
    reading(limit) { |source| Response.read_head(source) }
  end

  # Reads exactly that many bytes.
  def read_bytes(size, limit: LIMIT)
    bytes, complete = take_bytes(size, Eventually.now + limit)
    return bytes if complete

    @buffer = bytes
    raise TimeUp, "connection closed before #{size} bytes; got #{bytes.inspect[0, 2_000]}"
  end

  # Reads until the pattern (Regexp or String) matches and returns the bytes up to the end of the match.
  def read_until(pattern, limit: LIMIT)
    deadline = Eventually.now + limit
    pattern = Regexp.new(Regexp.escape(pattern.b), Regexp::NOENCODING) if pattern.is_a?(String)
    until (match = pattern.match(@buffer))
      fill(deadline, "waiting for #{pattern.inspect}") or
        raise TimeUp, "connection closed before #{pattern.inspect}; got #{@buffer.inspect}"
    end
    @buffer.slice!(0, match.end(0))
  end

  # Reads until the peer closes and returns all of it.
  def read_to_end(limit: LIMIT)
    deadline = Eventually.now + limit
    nil while fill(deadline, "waiting for the connection to close")
    @buffer.slice!(0..)
  end

  # Reads until the peer closes, or sends nothing for so many seconds.
  def read_available(silence)
    nil while (!@ended && @io.wait_readable(silence)) && receive
    @buffer.slice!(0..)
  end

  # True when the peer's FIN or RST arrives within the limit. Bytes before it stay readable.
  def closed?(limit: LIMIT)
    deadline = Eventually.now + limit
    nil while fill(deadline, "waiting for the connection to close")
    true
  rescue TimeUp
    false
  end

  # True when for that many seconds no byte arrives and the connection stays open.
  def silent?(seconds = 0.3)
    @buffer.empty? && !@ended && !@io.wait_readable(seconds)
  end

  # Shuts the sending side: the peer reads the end of the stream and may still answer.
  def half_close
    @io.shutdown(Socket::SHUT_WR)
    self
  end

  # Ends the connection with RST.
  def reset
    @io.setsockopt(Socket::Option.linger(true, 0))
    @io.close
  end

  def close = @io.close

  def inspect = "#<RawSocket#{" ended" if @ended} unread: #{@buffer.inspect[0, 500]}>"

  private

  # What Response.read reads from, within one deadline.
  Source = Struct.new(:socket, :deadline) do
    def read_line = socket.send(:take_line, deadline)
    def read_bytes(size) = socket.send(:take_bytes, size, deadline)
    def read_rest = socket.send(:take_rest, deadline)
  end
  private_constant :Source

  def reading(limit) = yield(Source.new(self, Eventually.now + limit))

  def take_line(deadline)
    until (index = @buffer.index("\n"))
      return nil unless fill(deadline, "waiting for a line")
    end
    @buffer.slice!(0..index)
  end

  # Returns the bytes and whether they are all of them.
  def take_bytes(size, deadline)
    while @buffer.bytesize < size
      return [@buffer.slice!(0..), false] unless fill(deadline, "waiting for #{size} bytes")
    end
    [@buffer.slice!(0, size), true]
  end

  def take_rest(deadline)
    nil while fill(deadline, "waiting for the end of the body")
    @buffer.slice!(0..)
  end

  # Adds what has arrived to the buffer; nil at the end of the connection.
  def fill(deadline, what)
    return if @ended

    remaining = [deadline - Eventually.now, 0].max
    @io.wait_readable(remaining) or raise TimeUp, "time is up #{what}; unread so far: #{@buffer.inspect[0, 2_000]}"
    receive
  end

  def receive
    bytes = @io.read_nonblock(65_536, exception: false)
    return @buffer if bytes == :wait_readable
    return @buffer << bytes if bytes

    @ended = true
    nil
  rescue Errno::ECONNRESET
    @ended = @reset = true
    nil
  end

  def wait_for_room(deadline, left)
    remaining = deadline - Eventually.now
    readable, writable = IO.select(@ended ? [] : [@io], [@io], [], [remaining, 0].max)
    raise TimeUp, "peer does not read: #{left} bytes left to send" unless readable

    receive if readable.any? && writable.empty?
  end
end
