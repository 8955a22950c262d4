# frozen_string_literal: true

# The client's side of a WebSocket, down to single frames, so that a spec can also send wrong ones.
class WebSocketClient
  KEY = "dGhlIHNhbXBsZSBub25jZQ=="
  # What RFC 6455, section 1.3, says a server answers to that key.
  ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
  HANDSHAKE = { "connection" => "keep-alive, Upgrade", "upgrade" => "websocket",
                "sec-websocket-version" => "13", "sec-websocket-key" => KEY }.freeze

  Frame = Struct.new(:opcode, :payload, :final)

  attr_reader :response

  # @param early [String] bytes to send in one piece with the handshake
  def initialize(server, path, early: "")
    @socket = server.connect
    @response = @socket.request(Http.head("GET", path, HANDSHAKE) + early)
  end

  # The bytes of a frame as a client sends it.
  def self.frame(opcode, payload, final: true, masked: true)
    bytes = payload.b
    flag = masked ? 0x80 : 0
    length = case bytes.bytesize
             when 0..125 then [flag | bytes.bytesize].pack("C")
             when 126..0xFFFF then [flag | 126, bytes.bytesize].pack("Cn")
             else [flag | 127, bytes.bytesize].pack("CQ>")
             end
    [(final ? 0x80 : 0) | opcode].pack("C") << length << (masked ? mask(bytes) : bytes)
  end

  # The masking key, and the payload masked with it.
  def self.mask(bytes)
    key = [0x37, 0xFA, 0x21, 0x3D]
    key.pack("C*") << bytes.each_byte.with_index.map { |byte, index| byte ^ key[index % 4] }.pack("C*")
  end

  def send_frame(...) = write(self.class.frame(...))

  # Sends bytes that need not be a frame.
  def write(bytes) = @socket.write(bytes)

  # Reads one frame, which the server must not have masked.
  def read_frame
    first, second = take(2).unpack("CC")
    raise "masked by the server" if second[7] == 1

    length = { 126 => [2, "n"], 127 => [8, "Q>"] }[second]
    size = length ? take(length[0]).unpack1(length[1]) : second
    Frame.new(first & 0x0F, take(size), first[7] == 1)
  end

  def closed? = @socket.closed?

  def close = @socket.close

  private

  # In pieces, because a regular expression counts no further than 100,000.
  def take(size)
    return "".b if size.zero?

    piece = [size, 50_000].min
    @socket.read_until(/.{#{piece}}/mn) << take(size - piece)
  end
end
