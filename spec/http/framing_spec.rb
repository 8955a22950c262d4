# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP message framing" do
  extend Wire::Rows

  te = Wire::Bytes::CHUNKED
  hello_chunks = Wire::Bytes::HELLO
  echo_server

  rows [
    [1, "Content-Length, then Transfer-Encoding", post("Content-Length: 4", te, body: hello_chunks) + get, served("hello", ending: :closes)],
    [2, "Transfer-Encoding, then Content-Length", post(te, "Content-Length: 4", body: hello_chunks) + get, served("hello", ending: :closes)],
    [3, "Transfer-Encoding and a bad Content-Length", post(te, "Content-Length: abc", body: hello_chunks) + get, refused(400)],
    [4, "two chunked lines", post(te, te, body: hello_chunks), refused(400)],
    [5, "chunked, chunked", post("Transfer-Encoding: chunked, chunked", body: hello_chunks), refused(400)],
    [6, "identity", hello("Transfer-Encoding: identity", "Content-Length: 5"), refused(501)],
    [7, "chunked, identity", post("Transfer-Encoding: chunked, identity", body: hello_chunks), refused(400)],
    [8, "identity, chunked", post("Transfer-Encoding: identity, chunked", body: hello_chunks), refused(501)],
    [9, "an unknown coding before chunked", post("Transfer-Encoding: x-foo, chunked", body: hello_chunks), refused(501)],
    [10, "gzip, chunked", post("Transfer-Encoding: gzip, chunked", body: hello_chunks), refused(501)],
    [11, "gzip alone", hello("Transfer-Encoding: gzip"), refused(400)],
    [12, "xchunked", hello("Transfer-Encoding: xchunked", "Content-Length: 5"), refused(501)],
    [13, "an empty element before chunked", post("Transfer-Encoding: ,chunked", "Content-Length: 5", body: hello_chunks), refused(501)],
    [14, "an empty element after chunked", post("Transfer-Encoding: chunked,", body: hello_chunks), refused(400)],
    [15, "CHUNKED", post("Transfer-Encoding: CHUNKED", body: hello_chunks), served("hello")],
    [16, "TAB before chunked", post("Transfer-Encoding: \tchunked", body: hello_chunks), served("hello")],
    [17, "VT before chunked", post("Transfer-Encoding: \vchunked", body: hello_chunks), refused(400)],
    [18, "0xA0 before chunked", post("Transfer-Encoding: \xA0chunked".b, body: hello_chunks), refused(501)],
    [19, "chunked in quotes", post('Transfer-Encoding: "chunked"', body: hello_chunks), refused(501)],
    [20, "chunked with a parameter", post("Transfer-Encoding: chunked;foo=bar", body: hello_chunks), refused(501)],
    [21, "an empty Transfer-Encoding", hello("Transfer-Encoding:", "Content-Length: 5"), refused(501)],
    [22, "Transfer-Encoding with a space before the colon", post("Transfer-Encoding : chunked", body: hello_chunks), refused(400)],
    [23, "a folded Transfer-Encoding", post("Transfer-Encoding:", " chunked", body: hello_chunks), refused(400)],
    [24, "chunked in HTTP/1.0", head("POST / HTTP/1.0", te, body: hello_chunks), refused(400)],
    [25, "chunked in HTTP/1.0 with keep-alive", head("POST / HTTP/1.0", "Connection: keep-alive", te, body: hello_chunks) + get, refused(400)],
    [26, "Transfer_Encoding with an underscore", hello("Transfer_Encoding: chunked", "Content-Length: 5"), refused(400)],
    [27, "the same Content-Length twice", hello("Content-Length: 5", "Content-Length: 5"), refused(400)],
    [28, "two Content-Lengths", hello("Content-Length: 5", "Content-Length: 6"), refused(400)],
    [29, "Content-Length: 5, 5", hello("Content-Length: 5, 5"), refused(400)],
    [30, "Content-Length: 5, 6", hello("Content-Length: 5, 6"), refused(400)],
    [31, "Content-Length: +5", hello("Content-Length: +5"), refused(400)],
    [32, "Content-Length: -5", hello("Content-Length: -5"), refused(400)],
    [33, "Content-Length: 0x5", hello("Content-Length: 0x5"), refused(400)],
    [34, "Content-Length: 1_0", hello("Content-Length: 1_0"), refused(400)],
    [35, "Content-Length: 5.0", hello("Content-Length: 5.0"), refused(400)],
    [36, "an empty Content-Length", post("Content-Length:") + get, refused(400)],
    [37, "Content-Length: 5 5", hello("Content-Length: 5 5"), refused(400)],
    [38, "Content-Length: 0005 is decimal", hello("Content-Length: 0005"), served("hello")],
    [39, "white space after Content-Length", hello("Content-Length: 5 \t"), served("hello")],
    [40, "a digit outside ASCII", hello("Content-Length: ٥"), refused(400)],
    [41, "Content-Length: 2^64", hello("Content-Length: 18446744073709551616"), refused(400)],
    [42, "Content-Length: 2^64-1", hello("Content-Length: 18446744073709551615"), refused(413)],
    [43, "Content-Length: 2^63-1 without a limit", hello("Content-Length: 9223372036854775807"), refused(413)],
    [44, "Content-Length with a space before the colon", hello("Content-Length : 5"), refused(400)],
    [45, "Content_Length with an underscore", hello("Content_Length: 5"), refused(400)],
    [46, "a GET with a body", get("Content-Length: 5") + "hello", served("hello")],
    [47, "a POST without framing has no body", post, served("")],
    [48, "an extra CRLF behind the body", "#{hello("Content-Length: 5")}\r\n#{get}", served("hello", "")]
  ]

  context "with http_content_length_limit" do
    echo_server("--set", "http_content_length_limit=1000")

    rows [
      [43, "Content-Length: 2^63-1", hello("Content-Length: 9223372036854775807"), refused(413)]
    ]
  end
end
