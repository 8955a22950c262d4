# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"
require_relative "support/gate"
require_relative "support/uploads"

RSpec.describe "H-06 A streaming body" do
  include Uploads

  # row => [what the callable does with `stream`, what the client gets, what the callable put into SEEN]
  rows = {
    "write returns the number of bytes" => ['raise unless stream.write("é") == 2; stream.write("ok")', "éok"],
    "write takes several strings" => ['raise unless stream.write("a", "b", "c") == 3', "abc"],
    "write takes what has to_s" => ["stream.write(12, :x)", "12x"],
    "an empty write sends nothing and ends nothing" => ['raise unless stream.write("") == 0; stream.write("a"); stream << ""; stream.write("b")', "ab"],
    "<< returns the stream" => ['raise unless (stream << "a" << "b").equal?(stream)', "ab"],
    "flush may be called at any time" => ['stream.flush; stream.write("a"); stream.flush; stream.write("b")', "ab"],
    "write keeps the bytes of every encoding" => ['stream.write("é".encode("ISO-8859-1"), "\xFF\0".b)', "\xE9\xFF\0".b],
    "a string may be changed after it was written" => ['s = +"a" * 100_000; 20.times { stream.write(s); s.setbyte(0, 66); s.replace("c" * 100_000) }',
                                                        ("a" * 100_000) + ("c" * 1_900_000)],
    "a long string is written whole" => ['raise unless stream.write("w" * 5_000_000) == 5_000_000', "w" * 5_000_000],
    "many short strings are written whole" => ["10_000.times { |i| stream.write(i.to_s) }", Array.new(10_000, &:to_s).join],
    "closed? tells" => ['before = stream.closed?; stream.write(before.to_s); stream.close; SEEN << stream.closed?.to_s', "false", "true"],
    "close may be called again" => ['stream.write("a"); 3.times { stream.close }', "a"],
    "close_write ends the response" => ['stream.write("a"); stream.close_write', "a"],
    "close_read leaves writing alone" => ['stream.close_read; stream.write("a")', "a"],
    "write after close raises IOError" => ['stream.close; begin; stream.write("a"); rescue IOError; SEEN << "IOError"; end', "", "IOError"],
    "write after close_write raises IOError" => ['stream.close_write; begin; stream << "a"; rescue IOError; SEEN << "IOError"; end', "", "IOError"],
    "writers in many threads do not mix up" => [<<~RUBY, nil]
      Array.new(8) { |i| Thread.new { 50.times { stream.write("\#{i}" * 999 + "\\n") } } }.each(&:join)
    RUBY
  }
  apps = rows.transform_values { |code, *| "[200, {}, ->(stream) { begin; #{code}; ensure stream.close; end }]" }
  table = AppTable.new(
    {
      **apps,
      "read" => '[200, {}, ->(s) { s.write(s.read, "|", s.read(1).inspect); s.close }]',
      "seen" => "[200, {}, [SEEN.pop]]",
      "headers" => '[200, { "content-type" => "text/event-stream", "cache-control" => "no-cache" }, ->(s) { s.write("data: 1\n\n"); s.close }]',
      "own length" => '[200, { "content-length" => "4" }, ->(s) { s.write("ab"); s.write("cd"); s.close }]',
      "own chunks" => '[200, { "transfer-encoding" => "chunked" }, ->(s) { s.write("2\r\nhi\r\n0\r\n\r\n"); s.close }]',
      "not called" => 'CALLED = []; [env["QUERY_STRING"].to_i, {}, ->(s) { CALLED << 1; s.write("x"); s.close }]',
      "methods" => '[200, {}, ->(s) { s.write(%i[read write << flush close close_read close_write closed?].reject { |m| s.respond_to?(m) }.inspect); s.close }]',
      "not an Array" => '[200, {}, Class.new { def call(stream) = stream.write("called").then { stream.close }; def to_s = "no" }.new]'
    }, prelude: "SEEN = Thread::Queue.new"
  )

  let(:server) { ServerProcess.shared(:streaming, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  def get(path, version: "1.1", method: "GET") = "#{method} #{path} HTTP/#{version}\r\nHost: x\r\n\r\n"

  rows.each do |name, (_, wanted, seen)|
    next unless wanted

    it "#{name}, and the connection goes on" do
      response = sock.request(get(table.path(name)), limit: 20)
      expect(response.body).to eq wanted.b
      expect(sock.request(get("/")).body).to eq "plain"
      expect(Http.get(server, table.path("seen")).body).to eq seen if seen
    end
  end

  it "writes of many threads arrive whole, in any order" do
    lines = sock.request(get(table.path("writers in many threads do not mix up"))).body.split("\n")
    expect(lines.tally).to eq((0..7).to_h { |i| [i.to_s * 999, 50] })
  end

  it("has all the methods of the Rack SPEC") { expect(sock.request(get(table.path("methods"))).body).to eq "[]" }
  it("may be any object with call") { expect(sock.request(get(table.path("not an Array"))).body).to eq "called" }

  it "is chunked on HTTP/1.1, without a content-length" do
    response = sock.request(get(table.path("headers")))
    expect(response.headers).to include("content-type" => ["text/event-stream"], "cache-control" => ["no-cache"], "transfer-encoding" => ["chunked"])
    expect(response.headers).not_to include("content-length", "connection")
    expect(response.body).to eq "data: 1\n\n"
  end

  it "is ended by the close on HTTP/1.0" do
    response = sock.request(get(table.path("headers"), version: "1.0"))
    expect(response.headers).not_to include("content-length", "transfer-encoding")
    expect([response.version, response.body]).to eq ["1.0", "data: 1\n\n"]
    expect(sock).to be_closed
  end

  it "is not chunked when the app says how long it is" do
    response = sock.request(get(table.path("own length")))
    expect([response["content-length"], response["transfer-encoding"], response.body]).to eq ["4", nil, "abcd"]
    expect(sock.request(get("/")).body).to eq "plain"
  end

  it "is not chunked twice when the app chunks it itself" do
    expect(sock.request(get(table.path("own chunks"))).body).to eq "hi"
  end

  { "in memory" => "request body", "in a file" => "r" * 200_000, "that is empty" => "" }.each do |where, body|
    it "read gives the body of the request #{where}" do
      expect(sock.request(upload(table.path("read"), body)).body).to eq "#{body}|nil"
    end
  end

  it "HEAD sends the head only" do
    expect(sock.request(get(table.path("headers"), method: "HEAD"), head: true).headers).to include("content-type" => ["text/event-stream"])
    expect(sock.request(get("/")).body).to eq "plain"
  end

  [204, 304].each do |status|
    it "#{status} sends the head only" do
      expect(sock.request(get("#{table.path('not called')}?#{status}")).status).to eq status
      expect(sock.request(get("/")).body).to eq "plain"
    end
  end

  it "row 286: that raises is cut off without a second status line, and the error is logged with its backtrace" do
    server = serve('run ->(env) { env["PATH_INFO"] == "/" ? [200, {}, ["alive"]] : [200, {}, ->(s) { s.write("half"); raise "in the stream" }] }')
    sock = server.connect
    sock.write(get("/raise"))
    bytes = sock.read_to_end
    expect(bytes.scan("HTTP/1.1").size).to eq 1
    expect(bytes).to end_with("4\r\nhalf\r\n")
    expect(server.wait_for_stderr(/Rack app \("GET \/raise" - \(127\.0\.0\.1\)\): #<RuntimeError: in the stream>.*\n.*config\.ru:1/)).to be_truthy
    expect(Http.get(server, "/").body).to eq "alive"
  end

  it "writing to a client that is gone raises Errno::EPIPE or IOError in the body" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      raised = Thread::Queue.new
      run lambda { |env|
        next [200, {}, [raised.empty? ? "" : raised.pop]] if env["PATH_INFO"] == "/raised"

        [200, {}, lambda { |stream|
          stream.write("first")
          File.read("gate")
          begin
            loop { stream.write("more" * 10_000) }
          rescue Errno::EPIPE, IOError
            raised << "EPIPE or IOError"
          rescue Exception => error
            raised << error.class.to_s
          end
          stream.close
        }]
      }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write(get("/"))
    sock.read_until("first")
    sock.reset
    gate.open
    eventually { Http.get(server, "/raised").body == "EPIPE or IOError" }
    expect(server.stderr).to eq ""
  end

  it "a thread may go on writing after the callable returned, until it closes the stream" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      body = lambda do |stream|
        Thread.new do
          5.times { |i| File.read("gate"); stream.write("tick #{i}\n\n") }
        ensure
          stream.close
        end
      end
      run ->(env) { env["PATH_INFO"] == "/" ? [200, { "content-type" => "text/plain" }, body] : [200, {}, ["meanwhile"]] }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write(get("/"))
    sock.read_until("\r\n\r\n")
    5.times do |i|
      expect(Http.get(server, "/other").body).to eq "meanwhile"
      gate.open
      sock.read_until("tick #{i}\n\n\r\n")
    end
    expect(sock.read_until("0\r\n\r\n")).to eq "0\r\n\r\n"
    expect(sock.request(get("/other")).body).to eq "meanwhile"
  end
end
