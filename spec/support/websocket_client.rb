# frozen_string_literal: true

require_relative "raw_socket"

# The client's side of a WebSocket, down to single frames: it can send every wrong one, and reads those of the server
# strictly.
class WebSocketClient
  # The server has sent a frame that no server may send.
  class Malformed < StandardError; end

  # A Close came where a message was expected.
  class Closed < StandardError; end

  KEY = "dGhlIHNhbXBsZSBub25jZQ=="
  # What RFC 6455, section 1.3, says a server answers to that key.
  ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
  HANDSHAKE = { "connection" => "keep-alive, Upgrade", "upgrade" => "websocket",
                "sec-websocket-version" => "13", "sec-websocket-key" => KEY }.freeze

  CONTINUATION = 0x0
  TEXT = 0x1
  BINARY = 0x2
  CLOSE = 0x8
  PING = 0x9
  PONG = 0xA
  OPCODES = [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].freeze

  # The code of a Close without one, and of an end without a Close (RFC 6455, section 7.4.1).
  NO_CODE = 1005
  NO_CLOSE = 1006

  MASK = "\x37\xFA\x21\x3D".b.freeze

  Frame = Struct.new(:opcode, :payload, :final) do
    def control? = opcode >= CLOSE
  end

  # How a connection ended: what came before the Close, its code and reason, and whether the TCP connection was reset.
  Ending = Struct.new(:messages, :code, :reason, :reset)

  # The bytes of a handshake. A header that is nil is left out, an Array makes several lines.
  def self.handshake(path = "/", headers = {}, method: "GET", version: "1.1")
    fields = { "host" => "localhost", **HANDSHAKE, **headers.transform_keys { |name| name.to_s.downcase } }
    lines = fields.flat_map { |name, values| Array(values).map { |value| "#{name}: #{value}\r\n" } }
    "#{method} #{path} HTTP/#{version}\r\n#{lines.join}\r\n".b
  end

  # The bytes of a frame as a client sends it.
  # @param rsv [Integer] the three reserved bits, 0b100 is RSV1
  # @param announce [Integer] the length in the head, if it is not the payload's
  # @param width [Integer] bits of the length: 7, 16 or 64; the shortest unless given
  def self.frame(opcode, payload = "", final: true, masked: true, rsv: 0, announce: nil, width: nil, mask: MASK)
    bytes = payload.b
    head = [(final ? 0x80 : 0) | (rsv << 4) | opcode].pack("C")
    head << length(announce || bytes.bytesize, masked ? 0x80 : 0, width)
    masked ? head << mask << xor(bytes, mask) : head << bytes
  end

  def self.text(payload, **) = frame(TEXT, payload, **)

  # The bytes of a Close; without a code it is empty.
  def self.closing(code = nil, reason = "", **) = frame(CLOSE, code ? [code, reason.b].pack("na*") : reason, **)

  class << self
    private

    def length(size, flag, width)
      case width || { 0..125 => 7, 126..0xFFFF => 16 }.find { |range, _| range.cover?(size) }&.last
      when 7 then [flag | size].pack("C")
      when 16 then [flag | 126, size].pack("Cn")
      else [flag | 127, size].pack("CQ>")
      end
    end

    # Word by word, because a byte at a time takes seconds for a large message.
    def xor(bytes, mask)
      word = mask.unpack1("N")
      padded = bytes + ("\0" * (-bytes.bytesize % 4))
      padded.unpack("N*").map { |one| one ^ word }.pack("N*").byteslice(0, bytes.bytesize)
    end
  end

  # The answer to the handshake.
  attr_reader :response
  # Tells connections apart in specs that need it.
  attr_accessor :id

  # Shakes hands. Whether the server agreed is to be seen in `response`.
  # @param server [ServerProcess, Integer] anything with `connect`, or a port
  # @param early [String] bytes to send in one piece with the handshake
  # @param receive_buffer [Integer, nil] SO_RCVBUF, for a client with a small window
  def initialize(server, path = "/", early: "", headers: {}, id: nil, receive_buffer: nil, limit: RawSocket::LIMIT, **request)
    @id = id
    @socket = server.is_a?(Integer) ? RawSocket.new(server, receive_buffer:) : server.connect(receive_buffer:)
    @response = @socket.request(self.class.handshake(path, headers, **request) + early.b, limit:)
  end

  def open? = response.status == 101

  # The socket below, for what this class does not have.
  attr_reader :socket

  # Sends bytes that need not be a frame.
  def write(bytes, **)
    @socket.write(bytes, **)
    self
  end

  # Like write, for what a server may refuse before it has read it all.
  def offer(bytes, **)
    @socket.offer(bytes, **)
    self
  end

  def send_frame(...) = write(self.class.frame(...))
  def text(payload, **) = send_frame(TEXT, payload, **)
  def binary(payload, **) = send_frame(BINARY, payload, **)
  def ping(payload = "", **) = send_frame(PING, payload, **)
  def pong(payload = "", **) = send_frame(PONG, payload, **)
  def send_close(...)
    @closing = true
    write(self.class.closing(...))
  end

  # Sends the bytes in pieces of that size, each in a segment of its own as far as the kernel lets us.
  def dribble(bytes, piece = 1)
    bytes.b.scan(/.{1,#{piece}}/mn) { |part| write(part) }
    self
  end

  # Reads one frame.
  def read_frame(limit: RawSocket::LIMIT)
    deadline = Eventually.now + limit
    first, second = take(2, deadline).unpack("CC")
    check(first, second)
    Frame.new(first & 0x0F, take(read_length(second, deadline), deadline), first[7] == 1)
  end

  # Reads frames up to the next whole message and returns it, in UTF-8 when it is text and in ASCII-8BIT when it is
  # binary. Pings are answered on the way unless `pong: false`; a Close raises Closed.
  def read_message(limit: RawSocket::LIMIT, pong: true)
    deadline = Eventually.now + limit
    parts = []
    loop do
      frame = read_frame(limit: left(deadline))
      next note_control(frame, pong) if frame.control?

      add(parts, frame)
      return whole(parts) if frame.final
    end
  end

  def read_messages(count, **) = Array.new(count) { read_message(**) }

  # Sends a text and reads the answer.
  def ask(payload, **)
    text(payload)
    read_message(**)
  end

  # Reads to the end of the TCP connection and returns the Ending.
  def finish(limit: RawSocket::LIMIT, **options)
    deadline = Eventually.now + limit
    messages = []
    loop { messages << read_message(limit: left(deadline), **options) }
  rescue Closed
    raise Malformed, "bytes behind the Close: #{@socket.inspect}" unless @socket.read_to_end(limit: left(deadline)).empty?

    Ending.new(messages, @code, @reason, @socket.reset?)
  rescue RawSocket::TimeUp
    raise unless @socket.closed?(limit: 0)

    Ending.new(messages, NO_CLOSE, "", @socket.reset?)
  end

  # Reads up to the Close and returns its code; the TCP connection may go on.
  def read_close(limit: RawSocket::LIMIT)
    message = read_message(limit:)
    raise Malformed, "a message in place of a Close: #{message.inspect[0, 500]}"
  rescue Closed
    @code
  end

  # Says goodbye and returns the Ending.
  def goodbye(code = 1000, **)
    send_close(code)
    finish(**)
  end

  def silent?(...) = @socket.silent?(...)
  def closed?(...) = @socket.closed?(...)

  # Ends the TCP connection with RST, or with FIN; neither says Close.
  def reset = @socket.reset
  def close = @socket.close

  def inspect = "#<WebSocketClient #{id} #{@socket.inspect}>"

  private

  def left(deadline) = [deadline - Eventually.now, 0].max
  def take(size, deadline) = @socket.read_bytes(size, limit: left(deadline))

  def check(first, second)
    fault = if second[7] == 1 then "is masked"
            elsif first & 0x70 != 0 then "has reserved bits"
            elsif !OPCODES.include?(first & 0x0F) then "has an unknown opcode"
            elsif first[3] == 1 && (first[7].zero? || second > 125) then "is a control frame that is cut or too long"
            end
    raise Malformed, format("the server's frame %<bytes>p %<fault>s", bytes: [first, second], fault:) if fault
  end

  def read_length(second, deadline)
    size, format, least = { 126 => [2, "n", 126], 127 => [8, "Q>", 0x1_0000] }[second]
    return second unless size

    take(size, deadline).unpack1(format).tap do |length|
      raise Malformed, "a length of #{length} in #{size} bytes" if length < least
    end
  end

  def add(parts, frame)
    continues = frame.opcode == CONTINUATION
    raise Malformed, "#{frame.inspect[0, 500]} behind #{parts.size} fragments" if continues == parts.empty?

    parts << frame
  end

  def whole(parts)
    bytes = parts.map(&:payload).join
    return bytes.b if parts.first.opcode == BINARY

    text = bytes.dup.force_encoding(Encoding::UTF_8)
    text.valid_encoding? ? text : raise(Malformed, "text that is not UTF-8: #{bytes.inspect[0, 500]}")
  end

  def note_control(frame, pong)
    case frame.opcode
    when PING then pong ? send_frame(PONG, frame.payload) : nil
    when CLOSE then answer_close(frame.payload)
    end
  end

  # As RFC 6455, section 5.5.1, wants it, unless the Close was the answer to ours.
  def answer_close(payload)
    text = note_close(payload)
    offer(self.class.frame(CLOSE, payload)) unless @closing
    raise Closed, "closed by the server: #{text}"
  end

  def note_close(payload)
    raise Malformed, "a Close with one byte" if payload.bytesize == 1

    @code = payload.empty? ? NO_CODE : payload.unpack1("n")
    @reason = (payload.byteslice(2..) || "").dup.force_encoding(Encoding::UTF_8)
    [@code, @reason].join(" ")
  end
end
