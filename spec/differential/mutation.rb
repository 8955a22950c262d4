# frozen_string_literal: true

module Differential
  # Makes requests that are nearly right: a valid one, with one to three small things changed. The same seed makes the
  # same requests.
  class Mutation
    HOST = "Host: a.example\r\n"
    # What is changed.
    VALID = [
      "GET /a?b=c HTTP/1.1\r\n#{HOST}\r\n",
      "GET / HTTP/1.1\r\n#{HOST}Connection: keep-alive\r\nAccept: */*\r\nX-A: 1\r\nX-A: 2\r\n\r\n",
      "HEAD / HTTP/1.1\r\n#{HOST}User-Agent: x\r\n\r\n",
      "GET / HTTP/1.0\r\n#{HOST}Connection: keep-alive\r\n\r\n",
      "GET http://a.example/p HTTP/1.1\r\n#{HOST}\r\n",
      "POST / HTTP/1.1\r\n#{HOST}Content-Length: 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\n#{HOST}Content-Type: text/plain\r\nContent-Length: 11\r\n\r\nGET / HTTP/",
      "PUT / HTTP/1.1\r\n#{HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n#{HOST}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
    ].map(&:b).freeze
    # Lines that are put among the fields.
    FIELDS = [
      "Content-Length: 5", "Content-Length: 0", "Content-Length: 05", "Content-Length: +5", "Content-Length: 5, 5", "Content-Length:",
      "Content-Length: 99999999999999999999", "Content_Length: 7", "Transfer-Encoding: chunked", "Transfer-Encoding: xchunked",
      "Transfer-Encoding: chunked, identity", "Transfer-Encoding:\tchunked", "Transfer-Encoding : chunked", "Transfer-Encoding:",
      " folded", "\tfolded", "Host: b.example", "Host:", "Expect: x", "Connection: close", "Connection: close, x", "NoColon", ": empty",
      "X-\x00: 1", "X: a\x00b", "X: a\rb", "X: \x7f", "X\xE9: 1"
    ].map { |line| "#{line}\r\n".b }.freeze
    # Bytes that parsers disagree about.
    BYTES = ["\r", "\n", "\r\n", "\0", " ", "\t", "\v", "\f", ":", ",", ";", "\"", "0", "9", "f", "\x7f", "\x80", "\xFF", "_", "-", "+", "/"].map(&:b).freeze
    CHANGES = %i[insert delete replace double_line drop_line add_field soften_line_end double_line_end change_case change_digit].freeze
    private_constant :HOST, :FIELDS, :BYTES, :CHANGES

    def initialize(seed)
      @random = Random.new(seed)
    end

    # The bytes of one.
    def take
      bytes = pick(VALID).dup
      (1 + @random.rand(3)).times { send(pick(CHANGES), bytes) }
      bytes
    end

    private

    def pick(list) = list[@random.rand(list.size)]

    def place(bytes) = @random.rand(bytes.bytesize + 1)

    def insert(bytes) = bytes.insert(place(bytes), pick(BYTES))

    def delete(bytes) = bytes.slice!(place(bytes))

    def replace(bytes)
      at = place(bytes)
      bytes[at..] = pick(BYTES) + bytes[(at + 1)..].to_s
    end

    def double_line(bytes) = on_line(bytes) { |line| line * 2 }

    def drop_line(bytes) = on_line(bytes) { "" }

    def add_field(bytes) = on_line(bytes) { |line| line + pick(FIELDS) }

    def soften_line_end(bytes) = on_line(bytes) { |line| line.sub("\r\n", pick(["\n", "\r", "\r\r\n", " \r\n", "\n\r\n"])) }

    def double_line_end(bytes) = on_line(bytes) { |line| "#{line}\r\n" }

    def change_case(bytes) = on_line(bytes, &:swapcase)

    def change_digit(bytes)
      digits = bytes.enum_for(:scan, /\d/n).map { Regexp.last_match.begin(0) }
      bytes[pick(digits)] = @random.rand(16).to_s(16) if digits.any?
    end

    def on_line(bytes)
      lines = bytes.lines
      index = @random.rand(lines.size)
      lines[index] = yield lines[index]
      bytes.replace(lines.join)
    end
  end
end
