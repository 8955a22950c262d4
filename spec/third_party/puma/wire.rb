# frozen_string_literal: true

require "socket"
require "openssl"

# Two differences that are meant, levelled on the tests' side of the wire, because hundreds of tests meet them by the way:
#
# * Most of their HTTP/1.1 requests have no Host. Puma serves them, this server answers 400 (RFC 9112, section 3.2).
# * This server sends Date (RFC 9110, section 6.6.1), Puma does not; tests compare whole responses.
module PumaSuite
  module Wire
    REQUEST_LINE = /(?:^[A-Z]+|GET|POST) \S+ HTTP\/1\.1\r\n/n
    DATE = /^date: [^\r\n]+\r\n/n
    DATE_SIZE = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".size
    private_constant :REQUEST_LINE, :DATE, :DATE_SIZE

    # With a Host behind each request line that has none, as far as this one write shows it.
    def self.with_host(text)
      text.b.gsub(REQUEST_LINE) do |line|
        fields = Regexp.last_match.post_match[/\A.*?(?=\r\n\r\n|\z)/mn]
        /^host:/i.match?(fields) ? line : "#{line}Host: localhost\r\n"
      end
    end

    def self.without_date(text)
      return text unless text.is_a?(String) && text.match?(/\r\ndate: /n)

      text.replace(text.b.gsub(DATE, "").force_encoding(text.encoding))
    end

    # Whoever asks for so many bytes counts without Date.
    def self.stretch(socket, size)
      return size unless size && socket.is_a?(BasicSocket) && socket.wait_readable(5)

      peeked = socket.recv_nonblock(size + DATE_SIZE, Socket::MSG_PEEK, exception: false)
      peeked.is_a?(String) && peeked.match?(DATE) ? size + DATE_SIZE : size
    rescue IOError
      # Some of it is in Ruby's buffer already, Date with it.
      size
    end

    # Whoever writes counts without what has been added.
    def self.count(result, text, sent)
      return result unless result.is_a?(Integer)

      result == sent.bytesize ? text.bytesize : [result, text.bytesize - 1].min
    end

    %i[write syswrite print << write_nonblock].each do |name|
      define_method(name) do |text, *more, **named|
        text = text.to_s
        sent = Wire.with_host(text)
        Wire.count(super(sent, *more, **named), text, sent)
      end
    end

    %i[readpartial read_nonblock recv gets readline].each do |name|
      define_method(name) { |*arguments, **named| Wire.without_date(super(*arguments, **named)) }
    end

    def read(size = nil, *buffer) = Wire.without_date(super(Wire.stretch(self, size), *buffer))

    def sysread(size, *buffer) = Wire.without_date(super(Wire.stretch(self, size), *buffer))
  end
end

[TCPSocket, UNIXSocket, OpenSSL::SSL::SSLSocket].each { |socket| socket.prepend(PumaSuite::Wire) }
