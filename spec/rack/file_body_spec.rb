# frozen_string_literal: true

require "spec_helper"
require "digest"
require_relative "support/app_table"
require_relative "support/gate"

RSpec.describe "R-07 A body from a file" do
  sizes = { "empty" => 0, "one" => 1, "memory" => 65_536, "odd" => 1_000_003, "large" => 10_485_760 }
  content = Random.new(1).bytes(10_485_760)
  files = sizes.to_h { |name, size| ["#{name}.bin", content.byteslice(0, size)] }

  kinds = {
    "File" => 'File.open(path, "rb")',
    "to_path" => "PathBody.new(path)",
    "Rack::BodyProxy around a File" => 'Rack::BodyProxy.new(File.open(path, "rb")) {}',
    "Rack::Files" => nil
  }
  prelude = <<~'RUBY'
    require "rack"
    COUNTS = Hash.new(0)
    PathBody = Struct.new(:to_path) do
      def each = COUNTS[:each] += 1
      def close = COUNTS[:close] += 1
    end
    OPENED = []
  RUBY
  apps = kinds.to_h do |kind, body|
    [kind, body ? "path = env[\"QUERY_STRING\"]; [200, {}, #{body}]" : 'Rack::Files.new(Dir.pwd).call(env.merge("PATH_INFO" => "/" + env["QUERY_STRING"]))']
  end
  table = AppTable.new(
    {
      **apps,
      "counts" => '[200, {}, [[COUNTS[:each], COUNTS[:close]].inspect]]',
      "remembered" => 'OPENED << File.open("one.bin", "rb"); [200, {}, OPENED.last]',
      "all closed" => "[200, {}, [OPENED.map(&:closed?).inspect]]",
      "missing with each" => 'body = ["fallback"].each; def body.to_path = "missing.bin"; [200, {}, body]',
      "nil with each" => 'body = ["fallback"].each; def body.to_path = nil; [200, {}, body]',
      "directory" => 'body = ["fallback"].each; def body.to_path = "."; [200, {}, body]',
      "wrong length" => '[200, { "content-length" => "3" }, PathBody.new("memory.bin")]',
      "204" => '[204, {}, PathBody.new("memory.bin")]',
      "304" => '[304, {}, PathBody.new("memory.bin")]',
      "partial" => '[206, { "content-range" => "bytes 0-3/65536", "content-length" => "4" }, Enumerator.new { |y| y << File.binread("memory.bin", 4) }]'
    }, prelude:
  )

  let(:server) { ServerProcess.shared(:file_body, app: table.rackup, files:) }
  let(:sock) { server.connect }

  after { sock.close }

  def get(path, method: "GET") = "#{method} #{path} HTTP/1.1\r\nHost: x\r\n\r\n"

  kinds.each_key do |kind|
    sizes.each do |name, size|
      it "#{kind}: #{size} bytes arrive with their length, and the connection goes on" do
        response = sock.request(get("#{table.path(kind)}?#{name}.bin"), limit: 20)
        expect([response.status, response["content-length"]]).to eq [200, size.to_s]
        expect(Digest::MD5.hexdigest(response.body)).to eq Digest::MD5.hexdigest(content.byteslice(0, size))
        expect(sock.request(get("/")).body).to eq "plain"
      end
    end

    it "#{kind}: HEAD announces the length and sends nothing" do
      response = sock.request(get("#{table.path(kind)}?odd.bin", method: "HEAD"), head: true)
      expect(response["content-length"]).to eq "1000003"
      expect(sock.request(get("/")).body).to eq "plain"
    end

    it "#{kind}: a slow reader gets all of it" do
      slow = server.connect(receive_buffer: 32_768)
      response = slow.request(get("#{table.path(kind)}?large.bin"), limit: 30)
      expect(Digest::MD5.hexdigest(response.body)).to eq Digest::MD5.hexdigest(content)
    ensure
      slow&.close
    end
  end

  it "to_path: is read by the server, not through each, and closed once" do
    before = sock.request(get(table.path("counts"))).body
    expect(before[/\d+/]).to eq "0"
    closed = before[/, (\d+)/, 1].to_i
    sock.request(get("#{table.path('to_path')}?one.bin"))
    eventually { sock.request(get(table.path("counts"))).body == "[0, #{closed + 1}]" }
  end

  it "a File is closed after the response" do
    3.times { expect(sock.request(get(table.path("remembered"))).body).to eq content[0] }
    eventually { sock.request(get(table.path("all closed"))).body == "[true, true, true]" }
  end

  it "a File is closed when the client went away in the middle" do
    server = serve(<<~'RUBY', files: { "large.bin" => content })
      LAST = []
      run ->(env) { env["PATH_INFO"] == "/" ? [200, {}, LAST.push(File.open("large.bin", "rb")).last] : [200, {}, [LAST.all?(&:closed?).to_s]] }
    RUBY
    sock = server.connect(receive_buffer: 4_096)
    sock.write(get("/"))
    sock.read_until("\r\n\r\n")
    sock.reset
    eventually { Http.get(server, "/closed").body == "true" }
  end

  ["missing with each", "nil with each", "directory"].each do |row|
    it "row 274: to_path of a #{row} falls back to each" do
      expect(sock.request(get(table.path(row))).body).to eq "fallback"
    end
  end

  it "R-04 the file's length wins over the app's content-length" do
    response = sock.request(get(table.path("wrong length")))
    expect([response["content-length"], response.body]).to eq ["65536", content.byteslice(0, 65_536)]
  end

  it "a 206 of the app's own making is sent as it is" do
    response = sock.request(get(table.path("partial")))
    expect([response.status, response["content-length"], response.body]).to eq [206, "4", content.byteslice(0, 4)]
  end

  %w[204 304].each do |status|
    it "R-08 a #{status} sends no byte of the file" do
      expect(sock.request(get(table.path(status))).status).to eq status.to_i
      expect(sock.request(get("/")).body).to eq "plain"
    end
  end

  # `change` runs while the client has only the head.
  def while_sending(size)
    server = serve('run ->(env) { [200, {}, File.open("big.bin", "rb")] }', files: { "big.bin" => "" })
    path = File.join(server.dir, "big.bin")
    File.truncate(path, size)
    sock = server.connect(receive_buffer: 4_096)
    sock.write(get("/"))
    head = sock.read_until("\r\n\r\n").downcase
    yield path
    [server, head, sock]
  end

  it "row 275: a file that shrinks while it is sent ends the connection, not the server" do
    server, head, sock = while_sending(200_000_000) { |path| File.truncate(path, 10) }
    expect(head).to include "content-length: 200000000"
    expect(sock.read_to_end(limit: 20).bytesize).to be < 200_000_000
    File.truncate(File.join(server.dir, "big.bin"), 1)
    expect(Http.get(server, "/").body).to eq "\0"
  end

  it "row 275: a file that grows while it is sent is cut at the announced length" do
    _, head, sock = while_sending(20_000_000) { |path| File.write(path, "grown", mode: "a") }
    expect(head).to include "content-length: 20000000"
    sock.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    rest = sock.read_to_end(limit: 20)
    expect(rest.byteslice(0, 20_000_000)).to eq "\0" * 20_000_000
    expect(rest.byteslice(20_000_000, 15)).to eq "HTTP/1.1 200 OK"
  end
end
