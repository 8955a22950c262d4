# frozen_string_literal: true

require "spec_helper"
require "digest/sha1"
require_relative "support/app_table"

RSpec.describe "H-05 to H-08: partial hijack and 101" do
  # Every app in both spellings: the header of Rack 2, the body of Rack 3.
  spell = lambda do |status, headers, code|
    callable = "->(stream) { #{code} }"
    { "header" => "[#{status}, { #{[*headers, "'rack.hijack' => #{callable}"].join(', ')} }, UNUSED]",
      "body" => "[#{status}, { #{headers.join(', ')} }, #{callable}]" }
  end
  upgrade = ["'connection' => 'upgrade'", "'upgrade' => 'raw'"]
  echo = 'while (bytes = stream.read(1)); stream.write(bytes.upcase); end; stream.close'
  rows = {
    "plain" => spell.call(200, ["'x-a' => '1'"], 'stream.write("a"); stream << "b"; stream.close'),
    "syswrite" => spell.call(200, [], 'stream.syswrite("ab"); stream.close'),
    "length" => spell.call(200, ["'content-length' => '2'"], 'stream.write("ab"); stream.close'),
    "echo" => spell.call(101, upgrade, echo),
    "exact" => spell.call(101, upgrade, 'stream.write([stream.read(3), stream.read(2), stream.read(0), stream.read].inspect, stream.read(1).inspect); stream.close'),
    "buffer" => spell.call(101, upgrade, 'into = +"old"; same = stream.read(3, into).equal?(into); stream.write([same, into].inspect); stream.close'),
    "speaks first" => spell.call(101, upgrade, 'stream.write("hello"); stream.flush; stream.write(stream.read(3)); stream.close'),
    "close_write" => spell.call(101, upgrade, 'stream.write("bye"); stream.close_write; SEEN << stream.read; stream.close'),
    "thread" => spell.call(101, upgrade, "Thread.new { #{echo} }"),
    "framed" => spell.call(101, [*upgrade, "'content-length' => '5'", "'transfer-encoding' => 'chunked'"], 'stream.write("x"); stream.close'),
    "client gone" => spell.call(101, upgrade, 'stream.write("ready"); SEEN << (begin; stream.read(1).inspect; rescue IOError, SystemCallError; "raised"; end); stream.close'),
    "raises" => spell.call(101, upgrade, 'stream.write("half"); raise "in the upgrade"')
  }
  apps = rows.flat_map { |name, spellings| spellings.map { |spelling, app| ["#{name} #{spelling}", app] } }.to_h
  websocket = <<~'RUBY'
    accept = [Digest::SHA1.digest(env["HTTP_SEC_WEBSOCKET_KEY"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")].pack("m0")
    talk = lambda do |stream|
      loop do
        opcode, length = stream.read(2).unpack("CC")
        mask = stream.read(4).bytes
        text = stream.read(length & 127).bytes.each_with_index.map { |byte, i| byte ^ mask[i % 4] }.pack("C*")
        stream.write([opcode, text.bytesize].pack("CC") + text)
        stream.flush
        break if opcode == 0x88
      end
      stream.close
    end
    [101, { "upgrade" => "websocket", "connection" => "Upgrade", "sec-websocket-accept" => accept }, talk]
  RUBY
  table = AppTable.new(
    { **apps, "nil body" => "[200, { 'rack.hijack' => ->(stream) { stream.write('ab'); stream.close } }, nil]", "websocket" => websocket, "seen" => "[200, {}, [SEEN.pop]]" },
    prelude: <<~'RUBY'
      require "digest/sha1"
      SEEN = Thread::Queue.new
      # A body that must not be read when the header is there.
      UNUSED = Class.new { def each = raise("the body of a partial hijack was read") }.new
    RUBY
  )

  let(:server) { ServerProcess.shared(:partial_hijack, app: table.rackup, args: %w[-t 1:1]) }
  let(:sock) { server.connect }

  after { sock.close unless sock.to_io.closed? }

  define_method(:get) do |row, version: "1.1"|
    "GET #{table.path(row)} HTTP/#{version}\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n"
  end

  it("H-05 the header makes the body needless: it may be nil") { expect(sock.request(get("nil body")).body).to eq "ab" }

  %w[header body].each do |spelling|
    context "by #{spelling}" do
      it("the callable may use syswrite, as with a socket") { expect(sock.request(get("syswrite #{spelling}")).body).to eq "ab" }

      it "status and headers are written, then what the callable writes, and the connection goes on" do
        response = sock.request(get("plain #{spelling}"))
        expect(response.status).to eq 200
        expect(response.headers).to include("x-a" => ["1"], "transfer-encoding" => ["chunked"])
        expect(response.headers).not_to include("content-length", "rack.hijack")
        expect(response.body).to eq "ab"
        expect(sock.request(get("plain #{spelling}")).body).to eq "ab"
      end

      it "an HTTP/1.0 client gets it ended by the close" do
        response = sock.request(get("plain #{spelling}", version: "1.0"))
        expect([response["transfer-encoding"], response["content-length"], response.body]).to eq [nil, nil, "ab"]
      end

      it "the app's own content-length frames it" do
        response = sock.request(get("length #{spelling}"))
        expect([response["content-length"], response["transfer-encoding"], response.body]).to eq ["2", nil, "ab"]
      end

      it "H-07 a 101 has the app's headers and no framing" do
        response = sock.request(get("echo #{spelling}"))
        expect([response.status, response.reason]).to eq [101, "Switching Protocols"]
        expect(response.headers.transform_values(&:first)).to include("connection" => "upgrade", "upgrade" => "raw")
        expect(response.headers).not_to include("content-length", "transfer-encoding")
      end

      it "H-07 a 101 loses framing headers of the app's" do
        expect(sock.request(get("framed #{spelling}")).headers).not_to include("content-length", "transfer-encoding")
        expect(sock.read_to_end).to eq "x"
      end

      it "H-07 a 101 speaks both ways until one side ends it" do
        sock.request(get("echo #{spelling}"))
        %w[abc d efgh].each { |word| sock.write(word).read_until(word.upcase) }
        sock.half_close
        expect(sock).to be_closed
      end

      it "H-09 bytes right behind the head are the first to be read" do
        expect(sock.request("#{get("echo #{spelling}")}early").status).to eq 101
        sock.read_until("EARLY")
      end

      it "read waits for as many bytes as it was asked for" do
        sock.request(get("exact #{spelling}"))
        sock.write("ab")
        expect(sock).to be_silent(0.05)
        sock.write("cde")
        sock.write("rest").half_close
        expect(sock.read_to_end).to eq '["abc", "de", "", "rest"]nil'
      end

      it "read fills a buffer" do
        sock.request("#{get("buffer #{spelling}")}abc")
        expect(sock.read_to_end).to eq '[true, "abc"]'
      end

      it "the server may speak first" do
        sock.request(get("speaks first #{spelling}"))
        sock.read_until("hello")
        sock.write("abc")
        expect(sock.read_to_end).to eq "abc"
      end

      it "close_write ends one direction, the other goes on" do
        sock.request(get("close_write #{spelling}"))
        expect(sock.read_to_end).to eq "bye"
        sock.write("the last word").half_close
        expect(Http.get(server, table.path("seen")).body).to eq "the last word"
      end

      it "H-08 a thread may keep the stream after the callable returned" do
        sock.request(get("thread #{spelling}"))
        %w[abc d].each { |word| sock.write(word).read_until(word.upcase) }
        expect(Http.get(server, "/").body).to eq "plain"
        sock.half_close
        expect(sock).to be_closed
      end

      it "reading from a client that vanished ends" do
        sock.request(get("client gone #{spelling}"))
        sock.read_until("ready")
        sock.reset
        expect(Http.get(server, table.path("seen")).body).to eq("nil").or eq("raised")
      end

      it "an exception cuts the connection and is logged" do
        sock.request(get("raises #{spelling}"))
        expect(sock.read_to_end).to eq "half"
        server.wait_for_stderr(/GET #{table.path("raises #{spelling}")}".*#<RuntimeError: in the upgrade>/)
      end
    end
  end

  it "H-07 a WebSocket made by hand echoes frames over a 101 streaming body" do
    key = ["0123456789abcdef"].pack("m0")
    frame = lambda do |opcode, text|
      mask = [1, 2, 3, 4]
      [opcode, text.bytesize | 128, *mask, *text.bytes.each_with_index.map { |byte, i| byte ^ mask[i % 4] }].pack("C*")
    end
    response = sock.request(get("websocket").sub("Upgrade: raw", "Upgrade: websocket\r\nSec-WebSocket-Key: #{key}\r\nSec-WebSocket-Version: 13"))
    expect([response.status, response["sec-websocket-accept"]]).to eq [101, Digest::SHA1.base64digest("#{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")]
    %w[hello world].each { |word| expect(sock.write(frame[0x81, word]).read_until(word)).to eq [0x81, 5].pack("CC") + word }
    expect(Http.get(server, "/").body).to eq "plain"
    sock.write(frame[0x88, "\x03\xE8"])
    expect(sock.read_to_end).to eq "\x88\x02\x03\xE8".b
  end
end
