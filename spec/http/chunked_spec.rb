# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP chunked bodies" do
  extend Wire::Rows

  echo_server

  rest = "\r\nhello\r\n0\r\n\r\n"
  trailers = ["Content-Length: 99", "Host: b.example", "X-Forwarded-For: 6.6.6.6"].map { |line| "#{line}\r\n" }.join
  unmerged = { "CONTENT_LENGTH" => "5", "HTTP_HOST" => "a.example", "HTTP_X_FORWARDED_FOR" => nil }

  rows [
    [49, "size 0x5", chunks("0x5#{rest}"), refused(400)],
    [50, "size +5", chunks("+5#{rest}"), refused(400)],
    [51, "size -5", chunks("-5#{rest}"), refused(400)],
    [52, "size 0_5", chunks("0_5#{rest}"), refused(400)],
    [53, "an empty size", chunks(rest), refused(400)],
    [54, "a space before the size", chunks(" 5#{rest}"), refused(400)],
    [55, "a space after the size", chunks("5 #{rest}"), served("hello")],
    [56, "leading zeros", chunks("000000005#{rest}"), served("hello")],
    [57, "a size of 65 bits", chunks("10000000000000005#{rest}"), refused(400)],
    [58, "a size of 2^64-1", chunks("FFFFFFFFFFFFFFFF#{rest}"), refused(413)],
    [59, "a size of 2^63-1", chunks("7FFFFFFFFFFFFFFF#{rest}"), refused(413)],
    [60, "an extension", chunks("5;a=b#{rest}"), served("hello")],
    [61, "a quoted extension", chunks("5;a=\"b c\"#{rest}"), served("hello")],
    [62, "an extension with an open quote ends at CRLF", chunks("5;a=\"#{rest}") + get, served("hello", "")],
    [63, "an extension ended by LF", chunks("5;a\nhello\r\n0\r\n\r\n"), refused(400)],
    [64, "CR inside an extension", chunks("5;a\rb#{rest}"), refused(400)],
    [65, "NUL inside an extension", chunks("5;a\0b#{rest}"), refused(400)],
    [66, "a size ended by LF", chunks("5\nhello\r\n0\r\n\r\n"), refused(400)],
    [67, "data ended by LF", chunks("5\r\nhello\n0\r\n\r\n"), refused(400)],
    [68, "a size ended by CR", chunks("5\rhello\r\n0\r\n\r\n"), refused(400)],
    [69, "more data than the size", chunks("5\r\nhello!\r\n0\r\n\r\n"), refused(400)],
    [70, "less data than the size", chunks("6\r\nhello\r\n0\r\n\r\n"), refused(400)],
    [71, "the last CRLF missing", chunks("5\r\nhello\r\n0\r\n"), waits],
    [72, "a trailer is dropped", chunks("5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"), served("hello", env: { "HTTP_X_T" => nil })],
    [72, "a trailer, and a request behind it", chunks("5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n") + get, served("hello", "")],
    [73, "trailers are not merged", chunks("5\r\nhello\r\n0\r\n#{trailers}\r\n"), served("hello", env: unmerged)],
    [74, "a trailer without a colon", chunks("5\r\nhello\r\n0\r\ntrailer\r\n\r\n"), refused(400)],
    [75, "a trailer that looks like a request", chunks("5\r\nhello\r\n0\r\nX:POST / HTTP/1.1\r\n\r\n") + get, served("hello", "")],
    [76, "trailers in two packets", [chunks("5\r\nhello\r\n0\r\nX-T"), :quiet, ": 1\r\nX-U: 2\r\n\r\n"], served("hello")],
    [77, "the end of the connection inside a chunk", [chunks("5\r\nhel"), :fin], cut],
    [78, "an extension of 20 kB", chunks("5;a=#{"b" * 20_000}#{rest}"), refused(400)],
    [79, "24 kB of extensions", chunks("#{"1;a=#{"b" * 200}\r\nx\r\n" * 120}0\r\n\r\n"), refused(400)],
    [80, "2,000 chunks of one byte", chunks("#{"1\r\nx\r\n" * 2_000}0\r\n\r\n"), served("x" * 2_000)]
  ]
end
