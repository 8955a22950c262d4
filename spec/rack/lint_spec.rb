# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"
require_relative "support/uploads"

# Rack::Lint checks the env on the way in, the input while it is read, the response on the way out, and that the server
# closes the body: an error of any kind is in the log, and a 500 or a cut body on the wire.
RSpec.describe "Under Rack::Lint" do
  include Uploads

  table = AppTable.new(
    {
      "array" => '[200, { "content-type" => "text/plain", "set-cookie" => %w[a=1 b=2] }, ["lint"]]',
      "each" => '[200, {}, Enumerator.new { |y| y << "li" << "nt" }]',
      "call" => '[200, {}, ->(stream) { stream.write("li"); stream << "nt"; stream.flush; stream.close }]',
      "file" => '[200, {}, File.open("lint.txt", "rb")]',
      "length" => '[200, { "content-length" => "4" }, Enumerator.new { |y| y << "lint" }]',
      "read" => '[200, {}, [env["rack.input"].read]]',
      "gets" => 'input = env["rack.input"]; [200, {}, [input.gets.to_s, input.read(2).to_s, input.read]]',
      "each input" => 'lines = []; env["rack.input"].each { |line| lines << line }; env["rack.input"].close; [200, {}, lines]',
      "buffer" => 'into = +""; env["rack.input"].read(4, into); [200, {}, [into]]',
      "errors" => 'env["rack.errors"].puts("fine"); env["rack.errors"].write("fine\n"); env["rack.errors"].flush; [200, {}, ["lint"]]',
      "callbacks" => 'env["rack.after_reply"] << -> {}; env["rack.response_finished"] << ->(*) {}; [200, {}, ["lint"]]',
      "head" => '[200, { "content-length" => "4" }, env["REQUEST_METHOD"] == "HEAD" ? [] : ["lint"]]',
      "204" => "[204, {}, []]",
      "304" => '[304, { "etag" => "x" }, []]',
      "hints" => 'env["rack.early_hints"].call({ "link" => "<1>" }); [200, {}, ["lint"]]',
      "partial hijack" => '[200, { "rack.hijack" => ->(stream) { stream.write("lint"); stream.close } }, []]',
      "full hijack" => <<~'RUBY',
        io = env["rack.hijack"].call
        io.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlint")
        io.close
        [200, {}, []]
      RUBY
      "upgrade" => '[101, { "connection" => "upgrade", "upgrade" => "raw" }, ->(stream) { stream.write(stream.read(4)); stream.close_write; stream.close }]'
    }, prelude: 'require "rack/lint"; use Rack::Lint'
  )

  let(:server) { ServerProcess.shared(:lint, app: table.rackup, args: %w[--early-hints], files: { "lint.txt" => "lint" }) }
  let(:sock) { server.connect }

  # What Lint raises after the response was sent is only in the log.
  after do
    sock.close unless sock.to_io.closed?
    Http.get(server, table.path("array"))
    expect(server.stderr).not_to include("LintError")
  end

  define_method(:get) do |row, *fields, method: "GET", version: "1.1", query: "", host: "example.org"|
    fields.unshift("Host: #{host}") if host
    ["#{method} #{table.path(row)}#{query} HTTP/#{version}", *fields, "", ""].join("\r\n")
  end

  ["array", "each", "call", "file", "length", "errors", "callbacks", "hints", "partial hijack", "head"].each do |row|
    it "GET #{row} is fine, twice on one connection" do
      2.times { expect(sock.request(get(row)).body).to eq "lint" }
    end

    it("GET #{row} is fine over HTTP/1.0") { expect(sock.request(get(row, version: "1.0")).body).to eq "lint" }
  end

  it("HEAD is fine") { expect(sock.request(get("head", method: "HEAD"), head: true)["content-length"]).to eq "4" }
  it("204 is fine") { expect(sock.request(get("204")).status).to eq 204 }
  it("304 is fine") { expect(sock.request(get("304")).status).to eq 304 }

  %w[POST PUT PATCH DELETE OPTIONS TRACE QUERY].each do |method|
    it("#{method} is fine") { expect(sock.request(get("array", method:)).body).to eq "lint" }
  end

  ["gets", "each input", "buffer", "read"].each do |row|
    { "no body" => "", "a small body" => "lint", "a large body" => "#{'l' * 150_000}\nint\nend" }.each do |size, body|
      wanted = row == "buffer" ? body[0, 4] : body

      it "POST #{row} with #{size} is fine" do
        expect(sock.request(upload(table.path(row), body)).body).to eq wanted
      end

      it "POST #{row} with #{size} in chunks is fine" do
        expect(sock.request(chunked_upload(table.path(row), *body.scan(/.{1,50000}/m))).body).to eq wanted
      end
    end
  end

  {
    "a Host with a port" => { host: "example.org:8080" },
    "an IPv6 Host" => { host: "[::1]:9292" },
    "no Host over HTTP/1.0" => { host: nil, version: "1.0" },
    "a query" => { query: "?a=%C3%A9&b[]=1" },
    "an empty query" => { query: "?" }
  }.each do |what, options|
    it("#{what} is fine") { expect(sock.request(get("array", **options)).body).to eq "lint" }
  end

  {
    "many headers" => Array.new(50) { |i| "X-#{i}: #{i}" },
    "non-ASCII header values" => ["X-Name: \xC3\xA9\xFF".b],
    "repeated headers and cookies" => ["Cookie: a=1", "Cookie: b=2", "Accept: x", "Accept: y"],
    "forwarded https" => ["X-Forwarded-Proto: https"],
    "an upgrade nobody takes up" => ["Connection: upgrade", "Upgrade: websocket, foo"],
    "names with dots and underscores" => ["X_Under: 1", "rack.input: x", "rack.url_scheme: ftp"]
  }.each do |what, fields|
    it("#{what} is fine") { expect(sock.request(get("array", *fields)).body).to eq "lint" }
  end

  it("a full hijack is fine") { expect(sock.request(get("full hijack")).body).to eq "lint" }

  it "a 101 with a streaming body is fine" do
    expect(sock.request(get("upgrade", "Connection: upgrade", "Upgrade: raw")).status).to eq 101
    expect(sock.write("echo").read_to_end).to eq "echo"
  end

  it "OPTIONS * is fine" do
    expect(sock.request("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").body).to eq "plain"
  end

  it "an absolute target is fine" do
    expect(sock.request(get("array").sub("GET /", "GET http://example.org/")).body).to eq "lint"
  end
end
