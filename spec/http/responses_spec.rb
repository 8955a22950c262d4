# frozen_string_literal: true

require "spec_helper"
require "support/wire/apps"

RSpec.describe "HTTP responses" do
  extend Wire::Apps

  chunked = { "transfer-encoding" => ["chunked"], "content-length" => nil }
  whole = ->(length) { { "transfer-encoding" => nil, "content-length" => [length.to_s] } }
  bare = { "transfer-encoding" => nil, "content-length" => nil }

  apps [
    [237, "CRLF in a value", '[200, {"x-a" => "1\r\nx-injected: 1"}, ["body"]]', failed(/x-a/)],
    [238, "LF in a value makes two lines of the same field", '[200, {"x-a" => "1\nx-b: 2"}, ["body"]]', sent("body", headers: { "x-a" => ["1", "x-b: 2"], "x-b" => nil })],
    [239, "CRLF in an element of an Array", '[200, {"x-a" => ["1", "2\r\nx-injected: 3"]}, ["body"]]', failed(/x-a/)],
    [240, "CR in a value", '[200, {"x-a" => "1\r2"}, ["body"]]', failed(/x-a/)],
    [241, "CRLF in a name", '[200, {"x-a: 1\r\nx-injected" => "1"}, ["body"]]', failed(/x-a/)],
    [242, "NUL in a value", '[200, {"x-a" => "1\0"}, ["body"]]', failed(/x-a/)],
    [243, "an Array makes one line per element", '[200, {"x-a" => ["1", "2"]}, ["body"]]', sent("body", headers: { "x-a" => %w[1 2] })],
    [244, "two cookies", '[200, {"set-cookie" => "a=1\nb=2"}, ["body"]]', sent("body", headers: { "set-cookie" => %w[a=1 b=2] })],
    [245, "rack.* and status are not sent", '[200, {"rack.x" => "1", "status" => "404", "x-a" => "1"}, ["body"]]', sent("body", headers: { "rack.x" => nil, "status" => nil, "x-a" => ["1"] })],
    [246, "names are sent in lower case", '[200, {"X-Upper" => "Value"}, ["body"]]', sent("body", pattern: /\r\nx-upper: Value\r\n/)],
    [247, "an Integer value", '[200, {"x-a" => 5}, ["body"]]', sent("body", headers: { "x-a" => ["5"] })],
    [248, "status nil", '[nil, {}, ["body"]]', failed(/status/)],
    [249, "status '200'", '["200", {}, ["body"]]', sent("body")],
    [250, "status 99", '[99, {}, ["body"]]', failed(/status/)],
    [251, "status 1000", '[1000, {}, ["body"]]', failed(/status/)],
    [252, "status 999 has a reason", '[999, {}, ["body"]]', sent("body", status: 999, pattern: %r{\AHTTP/1.1 999 \S})],
    [252, "status 599 has a reason", '[599, {}, ["body"]]', sent("body", status: 599, pattern: %r{\AHTTP/1.1 599 \S})],
    [253, "status 103", '[103, {}, []]', failed(/status/)],
    [254, "headers nil", '[200, nil, ["body"]]', failed(/headers/)],
    [255, "body nil", "[200, {}, nil]", failed(/body/)],
    [256, "nil in place of the response", "nil", failed(//)],
    [256, "a String in place of the response", '"body"', failed(//)],
    [256, "two elements in place of the response", "[200, {}]", failed(//)],
    [257, "a part that is not a String", "[200, {}, [1]]", failed(//)],
    [257, "a part of unknown length that is not a String", "[200, {}, Parts.new(1)]", failed(//)],
    [274, "a file that is missing", '[200, {}, FileBody.new("missing", "a", "b")]', sent("ab", headers: chunked)],
    [276, "content-length above the body's", '[200, {"content-length" => "9"}, ["body"]]', failed(/content-length/)],
    [276, "content-length above what each yields", '[200, {"content-length" => "9"}, Parts.new("body")]', broken("body", headers: whole[9])],
    [277, "content-length below the body's", '[200, {"content-length" => "2"}, ["bo", "dy"]]', sent("bo", headers: whole[2])],
    [277, "content-length below what each yields", '[200, {"content-length" => "3"}, Parts.new("bo", "dy", "!")]', sent("bod", headers: whole[3])],
    [278, "content-length abc", '[200, {"content-length" => "abc"}, ["body"]]', failed(/content-length/)],
    [279, "the app's own chunks", '[200, {"transfer-encoding" => "chunked"}, ["5\r\nhello\r\n", "0\r\n\r\n"]]', sent("hello", chunks: ["hello"], headers: chunked)],
    [279, "the app's own chunks from each", '[200, {"transfer-encoding" => "chunked"}, Parts.new("5\r\nhe", "llo\r\n0\r\n\r\n")]', sent("hello", chunks: ["hello"], headers: chunked)],
    [280, "both framings", '[200, {"content-length" => "15", "transfer-encoding" => "chunked"}, ["5\r\nhello\r\n0\r\n\r\n"]]', sent("hello", headers: chunked)],
    [281, "204 with a body", '[204, {"content-length" => "4"}, ["body"]]', sent("", status: 204, headers: bare)],
    [281, "204 with chunks", '[204, {"transfer-encoding" => "chunked"}, Parts.new("body")]', sent("", status: 204, headers: bare)],
    [281, "205 with a body", '[205, {"content-length" => "4"}, ["body"]]', sent("", status: 205, headers: whole[0])],
    [282, "304 with a body", '[304, {}, ["body"]]', sent("", status: 304)],
    [282, "304 with parts", "[304, {}, Parts.new('body')]", sent("", status: 304, headers: { "transfer-encoding" => nil })],
    [283, "an empty Array", "[200, {}, []]", sent("", headers: whole[0])],
    [284, "an Enumerator", "[200, {}, %w[a bc d].each]", sent("abcd", chunks: %w[a bc d], headers: chunked)],
    [284, "empty parts are left out", "[200, {}, Parts.new('a', '', 'b')]", sent("ab", chunks: %w[a b], headers: chunked)],
    [285, "a streaming body", '[200, {}, ->(stream) { stream.write("a"); stream << "b"; stream.close }]', sent("ab", headers: chunked)],
    [286, "a streaming body that raises", '[200, {}, ->(stream) { stream.write("ab"); raise "oops" }]', broken("ab", log: /oops/)],
    [287, "connection: close", '[200, {"connection" => "close"}, ["body"]]', sent("body", ending: :closes)],
    [288, "fields about the connection pass", '[200, {"keep-alive" => "timeout=5", "upgrade" => "h2c"}, ["body"]]', sent("body", headers: { "keep-alive" => ["timeout=5"], "upgrade" => ["h2c"] })],
    [289, "content-length counts bytes", '[200, {}, ["h\u00e9", "llo"]]', sent("héllo", headers: whole[6])]
  ]

  describe "parts that take their time" do
    waiting = <<~RUBY
      parts = Enumerator.new do |parts|
        parts << "first"
        sleep 0.01 until File.exist?("go")
        parts << "second"
      end
      run ->(_) { [200, {}, parts] }
    RUBY

    it "row 284: reach the client at once" do
      server = serve(waiting)
      socket = server.connect.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      expect(socket.read_until("\r\n\r\n5\r\nfirst\r\n")).to start_with("HTTP/1.1 200")
      expect(socket).to be_silent(0.1)
      File.write(File.join(server.dir, "go"), "")
      expect(socket.read_until("0\r\n\r\n")).to eq("6\r\nsecond\r\n0\r\n\r\n")
    end
  end

  describe "a file that changes while it is sent" do
    size = 32 << 20
    serving = <<~RUBY
      file = Struct.new(:to_path) { def each = yield(File.binread(to_path)) }
      run ->(env) { [200, {}, env["PATH_INFO"] == "/fine" ? ["fine"] : file.new("large")] }
    RUBY

    let(:server) { serve(serving, files: { "large" => "x" * size }) }
    let(:path) { File.join(server.dir, "large") }
    let(:socket) { server.connect(receive_buffer: 4_096).write("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }

    # Lets the rest of the response come quickly.
    def widen(socket) = socket.to_io.setsockopt(:SOCKET, :RCVBUF, 1 << 20)

    it "row 275: is cut at its first length when it grows" do
      head = socket.read_until("\r\n\r\n")
      expect(head).to match(/^content-length: #{size}\r$/i)
      File.open(path, "ab") { |file| file << ("y" * 1000) }
      socket.write("GET /fine HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      widen(socket)
      rest = socket.read_to_end(limit: 20)
      expect(rest).to end_with("\r\n\r\nfine")
      expect(rest.count("x")).to eq(size)
      expect(rest).not_to include("y")
    end

    it "row 275: ends with the connection when it shrinks" do
      socket.read_until("\r\n\r\n")
      File.truncate(path, 1 << 20)
      widen(socket)
      socket.half_close
      expect(socket.read_to_end(limit: 20).bytesize).to be <= size
      expect(Http.get(server, "/fine").body).to eq("fine")
    end
  end
end
