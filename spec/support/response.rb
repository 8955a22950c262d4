# frozen_string_literal: true

# One HTTP/1.x response, read strictly: what a careless client would forgive raises Malformed here.
class Response
  # The bytes are not a correct response.
  class Malformed < StandardError; end

  # The connection ended inside a response; `response` is what had arrived.
  class Truncated < StandardError
    attr_reader :response

    def initialize(response, missing)
      @response = response
      super("connection closed inside a response (#{missing}); got #{response.raw.inspect[0, 2_000]}")
    end
  end

  STATUS_LINE = %r{\AHTTP/(1\.[01]) ([1-9]\d\d)(?: ([\t\x20-\x7e]*))?\r\n\z}n
  FIELD_LINE = /\A([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*\r\n\z/n
  private_constant :STATUS_LINE, :FIELD_LINE

  # version "1.1", status Integer, reason String; `headers` maps the lower-case name to an Array of values;
  # `chunks` holds the parts of a chunked body; `interim` the 1xx responses that came before; `raw` every byte.
  attr_reader :version, :status, :reason, :headers, :body, :chunks, :interim, :raw

  # Reads one response from `source`, which answers `read_line` and `read_bytes(n)` (both nil at the end of the
  # connection) and `read_rest`. `head: true` for the answer to a HEAD request.
  def self.read(source, head: false, interim: [])
    response = new(interim)
    response.read_head(source)
    return read(source, head:, interim: [*interim, response]) if response.interim?

    response.read_body(source, head:)
    response
  end

  # Reads no more than the head; the body is empty.
  def self.read_head(source) = new([]).tap { |response| response.read_head(source) }

  # Reads one 1xx response, which ends with its head.
  def self.read_interim(source)
    response = read_head(source)
    raise Malformed, "expected a 1xx response, got #{response.raw.inspect}" unless response.status < 200

    response
  end

  def initialize(interim)
    @interim = interim
    @headers = {}
    @chunks = []
    @body = "".b
    @raw = "".b
  end

  # The single value of a header, nil when it is absent; several lines of it are joined by ", ".
  def [](name) = headers[name.downcase]&.join(", ")

  # A 1xx response that another one follows (101 is final: the connection then speaks something else).
  def interim? = status < 200 && status != 101

  # True when the server announced that it closes the connection.
  def close? = self["connection"].to_s.downcase.split(/\s*,\s*/).include?("close")

  def inspect = "#<Response #{status} #{headers} #{body.inspect[0, 500]}>"

  # @api private
  def read_head(source)
    line = take_line(source, "no status line")
    match = STATUS_LINE.match(line) or raise Malformed, "status line #{line.inspect}"
    @version = match[1]
    @status = match[2].to_i
    @reason = match[3].to_s
    until (line = take_line(source, "head not finished")) == "\r\n"
      field = FIELD_LINE.match(line) or raise Malformed, "header line #{line.inspect}"
      (@headers[field[1].downcase] ||= []) << field[2]
    end
    check_framing
  end

  # @api private
  def read_body(source, head:)
    return if head || status < 200 || [204, 304].include?(status)
    return read_chunks(source) if headers.key?("transfer-encoding")

    length = self["content-length"]
    length ? take(source, length.to_i, @body) : @raw << @body.replace(source.read_rest)
  end

  private

  def check_framing
    length, coding = headers.values_at("content-length", "transfer-encoding")
    raise Malformed, "both content-length and transfer-encoding: #{raw.inspect}" if length && coding
    raise Malformed, "content-length #{length.inspect}" if length && !(length.one? && length[0].match?(/\A\d+\z/))
    raise Malformed, "transfer-encoding #{coding.inspect}" if coding && coding != ["chunked"]
    return unless (length || coding) && (status < 200 || status == 204)

    raise Malformed, "#{status} with a framing header: #{raw.inspect}"
  end

  def read_chunks(source)
    loop do
      line = take_line(source, "chunk size")
      size = line[/\A(\h+)\r\n\z/, 1] or raise Malformed, "chunk size line #{line.inspect}"
      break if size.hex.zero?

      chunk = take(source, size.hex, "".b)
      ending = take(source, 2, "".b)
      raise Malformed, "chunk ended by #{ending.inspect}" unless ending == "\r\n"

      @chunks << chunk
      @body << chunk
    end
    line = take_line(source, "end of chunks")
    raise Malformed, "trailer #{line.inspect}" unless line == "\r\n"
  end

  def take_line(source, what)
    line = source.read_line or raise Truncated.new(self, what)
    @raw << line
    line
  end

  # Appends to `into` what has come even when the connection ends too early.
  def take(source, size, into)
    bytes, complete = source.read_bytes(size)
    @raw << bytes
    into << bytes
    raise Truncated.new(self, "#{bytes.bytesize} of #{size} bytes") unless complete

    into
  end
end
