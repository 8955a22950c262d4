# frozen_string_literal: true

require_relative "http"
require_relative "raw_socket"

# A client of an event stream that sees every byte: chunk by chunk, and event by event as the HTML standard (9.2.6,
# "Interpreting an event stream") reads them.
class SseClient
  # `type` is "message" and `id` the last one seen unless the event says otherwise, `retry` nil or an Integer.
  Event = Struct.new(:type, :data, :id, :retry)

  # The head of the answer, and the comments that have been read so far.
  attr_reader :response, :comments, :id

  # @param server [ServerProcess, Integer] anything with `connect`, or a port
  def initialize(server, path = "/", headers: {}, id: nil, method: "GET", version: "1.1", receive_buffer: nil)
    @id = id
    @socket = server.is_a?(Integer) ? RawSocket.new(server, receive_buffer:) : server.connect(receive_buffer:)
    @socket.write(head(method, path, version, { "accept" => "text/event-stream", **headers }))
    @response = @socket.read_head
    @chunked = response["transfer-encoding"] == "chunked"
    @text = "".b
    @comments = []
  end

  def open? = response.status == 200 && response["content-type"].to_s.start_with?("text/event-stream")

  # Reads up to the next event.
  def read_event(limit: RawSocket::LIMIT)
    deadline = Eventually.now + limit
    loop do
      event = dispatch(read_block(deadline))
      return event if event
    end
  end

  def read_events(count, **) = Array.new(count) { read_event(**) }

  # Reads up to the next comment and returns it; an event raises.
  def read_comment(limit: RawSocket::LIMIT)
    known = comments.size
    deadline = Eventually.now + limit
    until comments.size > known
      event = dispatch(read_block(deadline))
      raise "an event in place of a comment: #{event}" if event
    end
    comments.last
  end

  # Reads what the server sends up to the pattern, chunk framing removed.
  def read_until(pattern, limit: RawSocket::LIMIT)
    deadline = Eventually.now + limit
    fill(deadline) until (match = @text.match(pattern))
    @text.slice!(0, match.end(0))
  end

  # The rest of the stream, to its correct end: the last chunk, or FIN where nothing else ends it.
  def read_to_end(limit: RawSocket::LIMIT)
    deadline = Eventually.now + limit
    nil while fill(deadline, must: false)
    @text.slice!(0..)
  end

  attr_reader :socket

  def silent?(...) = @text.empty? && @socket.silent?(...)
  def closed?(...) = @socket.closed?(...)
  def reset = @socket.reset
  def close = @socket.close
  def inspect = "#<SseClient #{id} #{@text.inspect[0, 500]} #{@socket.inspect}>"

  private

  def head(method, path, version, headers)
    fields = { "host" => "localhost", **headers.transform_keys { |name| name.to_s.downcase } }
    lines = fields.flat_map { |name, values| Array(values).map { |value| "#{name}: #{value}\r\n" } }
    "#{method} #{path} HTTP/#{version}\r\n#{lines.join}\r\n".b
  end

  # The lines of one block, up to the empty line.
  def read_block(deadline)
    fill(deadline) until (match = /(?:\r\n|\n|\r)(?:\r\n|\n|\r)/n.match(@text))
    @text.slice!(0, match.end(0)).force_encoding(Encoding::UTF_8).split(/\r\n|\n|\r/)
  end

  # The event of a block; nil when it has no data.
  def dispatch(lines)
    raise "not UTF-8: #{lines.inspect}" unless lines.all?(&:valid_encoding?)

    fields = lines.map { |line| line.split(/: ?/, 2) }
    comments.concat(fields.filter_map { |name, value| value if name == "" })
    of = ->(wanted) { fields.filter_map { |name, value| value.to_s if name == wanted } }
    @last_id = of["id"].last || @last_id
    data = of["data"]
    Event.new(of["event"].last || "message", data.join("\n"), @last_id, of["retry"].last&.to_i) unless data.empty?
  end

  # Adds what comes next; false at the end of the stream.
  def fill(deadline, must: true)
    limit = [deadline - Eventually.now, 0].max
    more = @chunked ? read_chunk(limit) : read_some(limit)
    @text << more
    return true unless more.empty?
    raise "the stream ended; unread: #{@text.inspect}" if must

    false
  end

  def read_chunk(limit)
    size = @socket.read_until("\r\n", limit:)[/\A(\h+)\r\n\z/, 1] or raise "not a chunk: #{@socket.inspect}"
    @socket.read_bytes(size.hex, limit:).tap { @socket.read_until("\r\n", limit:) }
  end

  def read_some(limit)
    @socket.read_until(/.{1,65536}/mn, limit:)
  rescue RawSocket::TimeUp
    @socket.closed?(limit: 0) ? "".b : raise
  end
end
