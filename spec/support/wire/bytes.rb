# frozen_string_literal: true

module Wire
  # Builds the bytes of requests for the rows of the catalogue. Only what a row is about appears in the row; a plain
  # request line, Host and the line ends come from here.
  module Bytes
    HOST = "Host: a.example"
    CHUNKED = "Transfer-Encoding: chunked"
    # "hello" as a chunked body.
    HELLO = "5\r\nhello\r\n0\r\n\r\n"

    # The given lines, then the blank line, then the body.
    def head(*lines, body: "") = "#{lines.map { |line| "#{line}\r\n".b }.join}\r\n".b + body.b

    def get(*fields, target: "/") = head("GET #{target} HTTP/1.1".b, HOST, *fields)

    def post(*fields, body: "") = head("POST / HTTP/1.1", HOST, *fields, body:)

    # A POST with these bytes as its chunked body.
    def chunks(body) = post(CHUNKED, body:)

    # A POST with "hello" and the given field (or fields) in place of a correct Content-Length.
    def hello(*fields) = post(*fields, body: "hello")

    # A request with another method, target or version.
    def line(request_line) = head(request_line, HOST)

    # A GET with another Host.
    def host(*values) = head("GET / HTTP/1.1", *values.map { |value| "Host: #{value}".b })
  end
end
