# frozen_string_literal: true

require_relative "frame"

# The conversation on an open WebSocket: every message comes back, fragment by fragment.
class Echo
  def initialize(stream)
    @stream = stream
  end

  def run
    converse
  rescue IOError, SystemCallError
    # The client is gone without a goodbye.
  ensure
    @stream.close
  end

  private

  def converse
    while (frame = Frame.read(@stream))
      break unless answer(frame)
    end
  rescue Frame::Violation => e
    send_frame(Frame::CLOSE, [e.code, e.message].pack("na*"))
  end

  # False once the conversation is over.
  def answer(frame)
    case frame.opcode
    when Frame::PING then send_frame(Frame::PONG, frame.payload)
    when Frame::PONG then true
    when Frame::CLOSE then send_frame(Frame::CLOSE, frame.payload.byteslice(0, 2)) && false
    else send_frame(frame.opcode, frame.payload, final: frame.final)
    end
  end

  def send_frame(opcode, payload, final: true)
    @stream.write(Frame.new(opcode, payload, final: final).to_s)
  end
end
