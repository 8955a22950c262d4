# frozen_string_literal: true

require "spec_helper"
require "digest"
require_relative "support/app_table"

RSpec.describe "A response body" do
  # row => [app, the bytes the client gets]
  rows = {
    "Array" => ['[200, {}, ["a", "b", "", "c"]]', "abc"],
    "Array of one long string" => ['[200, {}, ["0123456789abcdef" * 625_000]]', "0123456789abcdef" * 625_000],
    "Array of many strings" => ["[200, {}, Array.new(20_000) { |i| i.to_s }]", Array.new(20_000, &:to_s).join],
    "frozen and shared strings" => ["[200, {}, [FROZEN, SHARED[5, 500_000], SHARED[-3..], FROZEN].freeze]", "icy#{'s' * 500_003}icy"],
    "the same Array every time" => ["[200, {}, ALWAYS]", "always the same"],
    "row 289 non-ASCII in several encodings" =>
      ['[200, {}, ["é", "é".encode("ISO-8859-1"), "é".encode("UTF-16LE"), "\xFF\0".b]]', "\xC3\xA9\xE9\xE9\0\xFF\0".b],
    "every byte" => ['[200, {}, [(0..255).map(&:chr).join.b]]', (0..255).map(&:chr).join.b],
    "R-05 nil parts of an Array are skipped" => ['[200, {}, ["a", nil, "b"]]', "ab"],
    "R-05 nil parts of each are skipped" => ['[200, {}, Enumerator.new { |y| y << "a" << nil << "b" }]', "ab"],
    "only each" => ['[200, {}, Class.new { def each = 3.times { |i| yield i.to_s } }.new]', "012"],
    "only each, with one long part" => ['[200, {}, Class.new { def each = yield("e" * 3_000_000) }.new]', "e" * 3_000_000],
    "each of many small parts" => ["[200, {}, Enumerator.new { |y| 20_000.times { |i| y << i.to_s } }]", Array.new(20_000, &:to_s).join],
    "row 284 Enumerator" => ['[200, {}, %w[a b].each]', "ab"],
    "lazy Enumerator" => ["[200, {}, (1..Float::INFINITY).lazy.map(&:to_s).first(9).lazy]", "123456789"],
    "each that yields nothing" => ["[200, {}, Enumerator.new { |_| }]", ""],
    "one buffer reused for every part" => [<<~RUBY, Array.new(50) { |i| (i % 10).to_s * 70_000 }.join],
      [200, {}, Enumerator.new { |y| buffer = +""; 50.times { |i| y << buffer.replace((i % 10).to_s * 70_000) } }]
    RUBY
    "one buffer changed byte by byte" => [<<~RUBY, Array.new(50) { |i| (65 + i % 26).chr * 70_000 }.join],
      buffer = "?" * 70_000
      [200, {}, Enumerator.new { |y| 50.times { |i| 70_000.times { |at| buffer.setbyte(at, 65 + i % 26) }; y << buffer } }]
    RUBY
    "callable" => ['[200, {}, ->(stream) { stream.write("a"); stream << "b" << "c"; stream.close }]', "abc"],
    "any object with call" => ['[200, {}, Class.new { def call(stream) = stream.write("abc").then { stream.close } }.new]', "abc"],
    "each wins over call" => ['[200, {}, Class.new { def each = yield("each"); def call(s) = s.write("call") }.new]', "each"],
    "each that delegates to method_missing" => [<<~RUBY, "delegated"],
      [200, {}, Class.new { def respond_to_missing?(name, _) = name == :each; def method_missing(name) = name == :each ? yield("delegated") : super }.new]
    RUBY
    "Rack::BodyProxy" => ['[200, {}, Rack::BodyProxy.new(["proxied"]) {}]', "proxied"],
    "Rack::BodyProxy around each" => ['[200, {}, Rack::BodyProxy.new(Enumerator.new { |y| y << "prox" << "ied" }) {}]', "proxied"],
    "Rack::Response" => ['Rack::Response.new("hello").finish', "hello"],
    "Rack::Response written by a block" => ['Rack::Response.new { |r| r.write("a"); r.write("b") }.finish', "ab"],
    "garbage collected meanwhile" => ['[200, {}, Enumerator.new { |y| 100.times { |i| y << (i.to_s * 1_000); GC.start if i % 10 == 0 } }]',
                                      Array.new(100) { |i| i.to_s * 1_000 }.join],
    "made of subclasses of String" => ['[200, {}, [Class.new(String).new("sub"), Class.new(String).new("class")]]', "subclass"]
  }
  prelude = <<~RUBY
    require "rack"
    FROZEN = "icy".freeze
    SHARED = "s" * 600_000
    ALWAYS = ["always ", "the ", "same"].freeze
  RUBY
  table = AppTable.new(rows.transform_values(&:first), prelude:)

  let(:server) { ServerProcess.shared(:body, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  def get(path) = "GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n"

  rows.each do |name, (_, bytes)|
    it "#{name}: arrives as it is, twice on one connection" do
      2.times do
        sock.request(get(table.path(name)), limit: 20) => response
        expect(response.status).to eq 200
        expect([response.body.bytesize, Digest::MD5.hexdigest(response.body)]).to eq [bytes.bytesize, Digest::MD5.hexdigest(bytes)]
      end
      expect(sock.request(get("/")).body).to eq "plain"
    end

    it "#{name}: HEAD leaves the connection in step" do
      expect(sock.request(get(table.path(name)).sub("GET", "HEAD"), head: true, limit: 20).status).to eq 200
      expect(sock.request(get("/")).body).to eq "plain"
    end
  end

  it "row 257: a part that is no String breaks the response, not the server" do
    server = serve('run ->(env) { [200, {}, env["PATH_INFO"] == "/" ? ["fine"] : Enumerator.new { |y| y << "a" << 5 }] }')
    begin
      expect(Http.get(server, "/5").body).to eq("a5").or eq("")
    rescue Response::Truncated => e
      expect(e.response.body).to eq "a"
    end
    expect(Http.get(server, "/").body).to eq "fine"
  end

  it "a string changed as soon as the response was handed over is sent as it was" do
    server = serve(<<~RUBY)
      BIG = "a" * 20_000_000
      run lambda { |env|
        next [200, {}, [BIG[0]]] if env["PATH_INFO"] == "/first"

        env["rack.response_finished"]&.push(->(*) { BIG.replace("b" * BIG.bytesize) })
        [200, {}, [BIG]]
      }
    RUBY
    sock = server.connect(receive_buffer: 4_096)
    sock.write(get("/"))
    expect(sock.read_response(limit: 30).body).to eq "a" * 20_000_000
  end

  it "a string changed by another thread while it is sent does no harm to the framing" do
    server = serve(<<~RUBY)
      run lambda { |env|
        big = "a" * 10_000_000
        Thread.new { big.clear }
        [200, {}, [big]]
      }
    RUBY
    5.times do
      response = Http.get(server, "/")
      expect(response.body.bytesize).to eq response["content-length"].to_i
    end
  end
end
