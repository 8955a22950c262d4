# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

# Puma's tables of requests, limits and timeouts (§3.6 to §3.8 of the drop-in catalogue), by its rows. Where we answer
# otherwise than Puma, the row says so. The whole grammar of HTTP is in spec/http.
RSpec.describe "Requests by Puma's tables" do
  extend Wire::Rows

  echo_server

  te = Wire::Bytes::CHUNKED
  hello = Wire::Bytes::HELLO
  tls_hello = "\x16\x03\x01\x00\xF1\x01\x00\x00\xED\x03\x03#{"\x5A" * 237}".b

  # A chunk of one byte with so many bytes behind its size, and the end.
  extended = ->(bytes) { chunks("1;#{"e" * (bytes - 2)}\r\nx\r\n0\r\n\r\n") }

  def self.by_row(table)
    table.each { |row, what, bytes, outcome| it("#{row}: #{what}") { outcome.check(server, bytes) } }
  end

  by_row [
    ["Q-01", "no Host is refused", host, refused(400)],
    ["Q-01", "an empty Host is refused", host(""), refused(400)],
    ["Q-02", "two Hosts are refused (Puma joins them)", host("a", "b"), refused(400)],
    ["Q-03", "bare LF is refused", "GET / HTTP/1.1\nHost: a\n\n", refused(400)],
    ["Q-03", "a TLS hello is refused", tls_hello, refused(400, log: /HTTP parse error, malformed request.*TLS/m)],
    ["Q-03", "a method in lower case is not supported", line("get / HTTP/1.1"), refused(501)],
    ["Q-03", "a version that is none is refused", line("GET / HTTP/one"), refused(400)],
    ["Q-04", "a folded field is refused", get("X-A: a", " b"), refused(400)],
    ["Q-04", "a space before the colon is refused", get("X-A : a"), refused(400)],
    ["Q-04", "NUL in a value is refused", get("X-A: a\0"), refused(400)],
    ["Q-05", "PROPFIND is not supported", line("PROPFIND / HTTP/1.1"), refused(501)],
    ["Q-05", "CONNECT is not supported", line("CONNECT a.example:80 HTTP/1.1"), refused(501)],
    *%w[PUT DELETE OPTIONS TRACE PATCH QUERY].map do |method|
      ["Q-05", "#{method} is supported", line("#{method} / HTTP/1.1"), served("", env: { "REQUEST_METHOD" => method })]
    end,
    ["Q-06", "a Content-Length twice is refused", hello("Content-Length: 5", "Content-Length: 5"), refused(400)],
    ["Q-06", "a Content-Length of +2 is refused", hello("Content-Length: +5"), refused(400)],
    ["Q-06", "an empty Content-Length is refused", post("Content-Length:"), refused(400)],
    ["Q-07", "chunked wins over Content-Length, and the connection ends", post("Content-Length: 3", te, body: hello), served("hello", ending: :closes)],
    ["Q-08", "a coding before chunked is not supported (Puma hands the coded body on)", post("Transfer-Encoding: gzip, chunked", body: hello), refused(501)],
    ["Q-09", "an unknown coding is not supported", post("Transfer-Encoding: foo"), refused(501)],
    ["Q-09", "an unknown coding before chunked is not supported", post("Transfer-Encoding: foo, chunked", body: hello), refused(501)],
    ["Q-10", "gzip alone is refused", post("Transfer-Encoding: gzip"), refused(400)],
    ["Q-10", "chunked that is not last is refused", post("Transfer-Encoding: chunked, gzip", body: hello), refused(400)],
    ["Q-10", "chunked twice is refused", post(te, te, body: hello), refused(400)],
    ["Q-11", "extensions of chunks and trailers are left out", chunks("5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"), served("hello", env: { "HTTP_X_T" => nil })],
    ["Q-12", "an empty chunk size is refused", chunks("\r\nhello"), refused(400)],
    ["Q-12", "a chunk size that is none is refused", chunks("xyz\r\nhello"), refused(400)],
    ["Q-12", "a chunk longer than its size is refused", chunks("2\r\nhello\r\n0\r\n\r\n"), refused(400)],
    ["Q-13", "100 Continue comes before the app", [post("Content-Length: 5", "Expect: 100-continue"), :continue, "hello"], served("hello")],
    ["Q-14", "requests in one go are answered in order", get + hello("Content-Length: 5") + get, served("", "hello", "")],
    ["Q-15", "a GET may have a body", "#{get("Content-Length: 5")}hello", served("hello")],
    ["Q-16", "HTTP/2.0 is another version (Puma serves it as 1.0)", line("GET / HTTP/2.0"), refused(505)],
    ["Q-16", "the preface of HTTP/2 is another version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused(505)],
    ["Q-17", "empty lines before a request are ignored (RFC 9112 §2.2; Puma refuses them)", "\r\n#{get}", served("")],
    ["Q-18", "the log names request, peer and reason", line("GET /a\"b HTTP/1.1"), refused(400, log: /\A\S+ \S+ \+0000 HTTP parse error, malformed request \("GET .+" - \(127.0.0.1\)\): 400 \w+/)],
    ["L-01", "a path of 8,192 bytes", get(target: "/#{"a" * 8_191}"), served("")],
    ["L-01", "a longer path is too long", get(target: "/#{"a" * 8_192}"), refused(414)],
    ["L-02", "a longer target than 12,288 bytes is too long", get(target: "/#{"a" * 8_000}?#{"b" * 4_288}"), refused(414)],
    ["L-03", "a query of 10,240 bytes", get(target: "/?#{"a" * 10_240}"), served("", env: { "QUERY_STRING" => "a" * 10_240 })],
    ["L-03", "a longer query is too long", get(target: "/?#{"a" * 10_241}"), refused(414)],
    ["L-04", "a fragment of 1,024 bytes", get(target: "/##{"a" * 1_024}"), served("", env: { "FRAGMENT" => "a" * 1_024 })],
    ["L-04", "a longer fragment is too long", get(target: "/##{"a" * 1_025}"), refused(414)],
    ["L-05", "a name of 256 bytes", get("#{"n" * 256}: 1"), served("")],
    ["L-05", "a longer name is too long", get("#{"n" * 257}: 1"), refused(431)],
    ["L-06", "a value of 81,920 bytes", get("X-A: #{"v" * 81_920}"), served("")],
    ["L-06", "a longer value is too long", get("X-A: #{"v" * 81_921}"), refused(431)],
    ["L-07", "a longer head than 114,688 bytes is too long", get("X-A: #{"v" * 60_000}", "X-B: #{"v" * 60_000}"), refused(431)],
    ["L-08", "a method of more than 20 bytes is refused", line("#{"A" * 21} / HTTP/1.1"), refused(400)],
    ["L-08", "one of 20 bytes is not supported", line("#{"A" * 20} / HTTP/1.1"), refused(501)],
    ["L-09", "many fields are no reason to refuse", get(*Array.new(900) { |n| "X#{n}: 1" }), served("")],
    ["L-10", "a line of a chunk's size of 4,000 bytes", extended.call(4_000), served("x")],
    ["L-10", "a longer one than 4,096 bytes is refused", extended.call(4_200), refused(400)]
  ]

  it "Q-05: HEAD is supported" do
    expect(server.connect.request("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", head: true).status).to eq(200)
  end

  it "L-11: a body is in memory up to 114,688 bytes, then in a file" do
    server = serve(<<~'RUBY')
      open_files = -> { Dir.each_child("/proc/self/fd").filter_map { |fd| File.readlink("/proc/self/fd/#{fd}") rescue nil } }
      run ->(_env) { [200, {}, [open_files.call.count { |name| name.end_with?(" (deleted)") }.to_s]] }
    RUBY
    expect([114_688, 114_689].map { |size| Http.post(server, "/", "b" * size).body }).to eq(%w[0 1])
  end

  it "L-12: a body above http_content_length_limit is refused, also in chunks" do
    server = serve("run ->(_env) { [200, {}, []] }", args: %w[--set http_content_length_limit=4])
    expect(server.connect.request("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").status).to eq(413)
    expect(server.connect.request("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n#{hello}").status).to eq(413)
  end

  it "L-14: the 999th request of a connection is its last one" do
    server = serve("run ->(_env) { [200, {}, []] }")
    socket = server.connect
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 999)
    responses = Array.new(999) { socket.read_response }
    expect(responses.map { |response| response["connection"] }).to eq([nil] * 998 + ["close"])
    expect(socket.read_to_end).to eq("")
  end

  it "L-15: 1,024 connections may wait to be accepted" do
    app = <<~'RUBY'
      # tcpi_sacked of a listening socket: the length of its queue.
      run ->(_env) { [200, {}, ObjectSpace.each_object(TCPServer).reject(&:closed?).map { |s| "#{s.getsockopt(:TCP, :INFO).data.unpack1("@28L")} " }] }
    RUBY
    most = Integer(File.read("/proc/sys/net/core/somaxconn"))
    expect(Http.get(serve(app)).body).to eq("#{[1024, most].min} ")
  end

  describe "timeouts" do
    hello_app = "run ->(env) { env['rack.input'].read; sleep env['QUERY_STRING'].to_f; [200, {}, ['hello']] }"

    define_method(:limited) { |option| serve(hello_app, args: ["--set", option]).connect }

    it "T-01: a head that stops is closed without a word" do
      socket = limited("first_data_timeout=0.3").write("GET / HTTP/1.1\r\n")
      expect(socket.read_to_end).to eq("")
    end

    it "T-01: a body that stops is answered with 408" do
      socket = limited("first_data_timeout=0.3").write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhel")
      expect(socket.read_to_end).to start_with("HTTP/1.1 408 Request Timeout\r\n")
    end

    it "T-02: an idle connection is closed without a word" do
      socket = limited("persistent_timeout=0.3")
      expect(socket.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("hello")
      expect(socket.read_to_end).to eq("")
    end

    it "T-04: a request may take longer than any of them" do
      server = serve(hello_app, args: %w[first_data_timeout persistent_timeout header_timeout write_timeout].flat_map { |name| ["--set", "#{name}=0.2"] })
      expect(Http.get(server, "/?0.8").body).to eq("hello")
    end
  end
end
