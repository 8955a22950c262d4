# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP line and field syntax" do
  extend Wire::Rows

  echo_server

  client_hello = "\x16\x03\x01\x00\xF1\x01\x00\x00\xED\x03\x03#{"\x5A" * 237}".b

  rows [
    [81, "LF in place of every CRLF", "GET / HTTP/1.1\nHost: a.example\n\n", refused(400)],
    [82, "a field line ended by LF", "GET / HTTP/1.1\r\nHost: a.example\r\nX-A: 1\nX-B: 2\r\n\r\n", refused(400)],
    [83, "the head ended by CRLF LF", "GET / HTTP/1.1\r\nHost: a.example\r\n\n", refused(400)],
    [84, "CR in a value", get("X-A: a\rb"), refused(400)],
    [85, "CR between two fields", get("X-A: a\rX-B: b"), refused(400)],
    [86, "NUL in a value", get("X-A: a\0b"), refused(400)],
    [87, "NUL in a name", get("X\0A: 1"), refused(400)],
    [88, "0x01 in a value", get("X-A: a\x01b"), refused(400)],
    [89, "DEL in a value", get("X-A: a\x7Fb"), refused(400)],
    [90, "bytes above 0x7F in a value", get("X-A: \xE9\xFF".b), served("", env: { "HTTP_X_A" => "\xE9\xFF".b })],
    [91, "a line folded by SP", get("X-A: a", " b"), refused(400)],
    [91, "a line folded by TAB", get("X-A: a", "\tb"), refused(400)],
    [92, "white space before the first field", head("GET / HTTP/1.1", " X-A: 1", Wire::Bytes::HOST), refused(400)],
    [93, "SP before the colon", get("X-A : 1"), refused(400)],
    [94, "TAB before the colon", get("X-A\t: 1"), refused(400)],
    [95, "SP inside a name", get("X A: 1"), refused(400)],
    [96, "an empty name", get(": 1"), refused(400)],
    [97, "a line without a colon", get("X-A"), refused(400)],
    [98, "parentheses in a name", get("X(A): 1"), refused(400)],
    [99, "a byte above 0x7F in a name", get("X-\xE9: 1".b), refused(400)],
    [100, "an empty value", get("X-A:"), served("", env: { "HTTP_X_A" => "" })],
    [101, "SP and TAB round a value are trimmed", get("X-A: \t a b\t "), served("", env: { "HTTP_X_A" => "a b" })],
    [101, "nothing else is trimmed", get("X-A: \xA0a\xA0".b), served("", env: { "HTTP_X_A" => "\xA0a\xA0".b })],
    [102, "CRLF before the request line", "\r\n#{get}", served("")],
    [103, "three CRLF before the request line", "\r\n\r\n\r\n#{get}", served("")],
    [104, "LF before the request line", "\n#{get}", refused(400)],
    [105, "SP before the method", " #{get}", refused(400)],
    [106, "binary garbage", "\x00\xFF\xFE\x80\r\n\r\n".b, refused(400)],
    [106, "a TLS hello", client_hello, refused(400, log: /HTTP parse error, malformed request.*TLS/m)]
  ]
end
