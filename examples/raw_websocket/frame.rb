# frozen_string_literal: true

# One WebSocket frame (RFC 6455, section 5.2): read from a client, written to a client.
class Frame
  # What a client did wrong, with the close code that says so.
  class Violation < StandardError
    attr_reader :code

    def initialize(code, message)
      @code = code
      super(message)
    end
  end

  CONTINUATION = 0x0
  TEXT = 0x1
  BINARY = 0x2
  CLOSE = 0x8
  PING = 0x9
  PONG = 0xA
  OPCODES = [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].freeze

  LARGEST = 1024 * 1024

  attr_reader :opcode, :payload, :final

  def initialize(opcode, payload, final: true)
    @opcode = opcode
    @payload = payload
    @final = final
  end

  # Reads one frame; nil when the client is gone.
  def self.read(stream)
    first, second = take(stream, 2)&.unpack("CC")
    return unless second

    check(first, second)
    length = read_length(stream, second & 0x7F)
    mask = take(stream, 4) or return
    payload = take(stream, length) or return
    new(first & 0x0F, unmask(payload, mask), final: first[7] == 1)
  end

  # The bytes of this frame. A server never masks.
  def to_s
    first = (final ? 0x80 : 0) | opcode
    head = case payload.bytesize
           when 0..125 then [first, payload.bytesize].pack("CC")
           when 126..0xFFFF then [first, 126, payload.bytesize].pack("CCn")
           else [first, 127, payload.bytesize].pack("CCQ>")
           end
    head << payload.b
  end

  class << self
    private

    def check(first, second)
      raise Violation.new(1002, "reserved bits") unless (first & 0x70).zero?
      raise Violation.new(1002, "unknown opcode") unless OPCODES.include?(first & 0x0F)
      raise Violation.new(1002, "unmasked frame") if second[7].zero?
      raise Violation.new(1002, "bad control frame") if first[3] == 1 && (first[7].zero? || second & 0x7F > 125)
    end

    def read_length(stream, short)
      length = case short
               when 126 then take(stream, 2)&.unpack1("n")
               when 127 then take(stream, 8)&.unpack1("Q>")
               else short
               end
      raise Violation.new(1009, "message too big") if length.to_i > LARGEST

      length.to_i
    end

    # Exactly +count+ bytes, or nil when the stream ends before.
    def take(stream, count)
      return "".b if count.zero?

      bytes = stream.read(count)
      bytes if bytes&.bytesize == count
    end

    def unmask(payload, mask)
      keys = mask.bytes
      payload.bytes.each_with_index.map { |byte, index| byte ^ keys[index & 3] }.pack("C*")
    end
  end
end
