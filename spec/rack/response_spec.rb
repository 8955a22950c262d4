# frozen_string_literal: true

require "spec_helper"
require "time"
require_relative "support/app_table"

RSpec.describe "Rack response" do
  # row => [app, status, headers that must be exactly these lines (nil = absent), body]
  rows = {
    "R-01 names are sent in lower case" =>
      ['[200, { "X-Up" => "a", "Content-Type" => "text/x" }, ["x"]]', 200, { "x-up" => ["a"], "content-type" => ["text/x"] }, "x"],
    "R-01 row 243 an Array value becomes several lines in order" =>
      ['[200, { "x-a" => %w[1 2 3] }, ["x"]]', 200, { "x-a" => %w[1 2 3] }, "x"],
    "R-01 row 238 a newline in a value splits it into lines of the same field (Rack 2)" =>
      ['[200, { "x-a" => "1\nx-b: 2" }, ["x"]]', 200, { "x-a" => ["1", "x-b: 2"], "x-b" => nil }, "x"],
    "R-01 row 244 set-cookie in both spellings" =>
      ['[200, { "set-cookie" => "a=1\nb=2", "Set-Cookie" => ["c=3"] }, ["x"]]', 200, { "set-cookie" => %w[a=1 b=2 c=3] }, "x"],
    "R-01 a nil or empty value is an empty field" =>
      ['[200, { "x-nil" => nil, "x-empty" => "" }, ["x"]]', 200, { "x-nil" => [""], "x-empty" => [""] }, "x"],
    "R-01 row 247 a value is turned into a String" =>
      ['[200, { "x-a" => 5, "x-b" => :sym }, ["x"]]', 200, { "x-a" => ["5"], "x-b" => ["sym"] }, "x"],
    "R-01 a Symbol name is turned into a String" =>
      ['[200, { "x-a": "1" }, ["x"]]', 200, { "x-a" => ["1"] }, "x"],
    "R-01 values keep tabs, inner spaces and non-ASCII bytes" =>
      ['[200, { "x-a" => "a\t b", "x-b" => "é" }, ["x"]]', 200, { "x-a" => ["a\t b"], "x-b" => ["\xC3\xA9".b] }, "x"],
    "R-02 row 245 rack.* and status never leave the server" =>
      ['[200, { "rack.session" => "s", "Rack.x" => "y", "status" => "404", "x-a" => "1" }, ["x"]]',
       200, { "rack.session" => nil, "rack.x" => nil, "status" => nil, "x-a" => ["1"] }, "x"],
    "R-03 no server header" => ['[200, {}, ["x"]]', 200, { "server" => nil }, "x"],
    "R-03 the app's own server and date win" =>
      ['[200, { "server" => "mine", "date" => "Sun, 06 Nov 1994 08:49:37 GMT" }, ["x"]]',
       200, { "server" => ["mine"], "date" => ["Sun, 06 Nov 1994 08:49:37 GMT"] }, "x"],
    "R-04 content-length of an Array is the sum of the bytes" =>
      ['[200, {}, ["é", "", "abc"]]', 200, { "content-length" => ["5"], "transfer-encoding" => nil }, "éabc".b],
    "R-04 row 283 an empty Array has content-length 0" => ["[200, {}, []]", 200, { "content-length" => ["0"] }, ""],
    "R-04 a body that answers to_ary is measured" =>
      ['[200, {}, Class.new { def to_ary = %w[a bc]; def each = to_ary.each { |part| yield part } }.new]',
       200, { "content-length" => ["3"], "transfer-encoding" => nil }, "abc"],
    "R-04 the app's content-length is kept for an each body" =>
      ['[200, { "content-length" => "3" }, Enumerator.new { |y| y << "a" << "bc" }]',
       200, { "content-length" => ["3"], "transfer-encoding" => nil }, "abc"],
    "R-04 an Integer content-length is understood" =>
      ['[200, { "Content-Length" => 3 }, Enumerator.new { |y| y << "abc" }]', 200, { "content-length" => ["3"] }, "abc"],
    "R-05 an each body is chunked, a chunk a part, empty parts skipped" =>
      ['[200, {}, Enumerator.new { |y| y << "a" << "" << "bc" }]', 200, { "content-length" => nil, "transfer-encoding" => ["chunked"] }, "abc"],
    "R-06 row 279 a body the app has chunked itself arrives decoded once" =>
      ['[200, { "transfer-encoding" => "chunked" }, Enumerator.new { |y| y << "2\r\nhi\r\n" << "0\r\n\r\n" }]',
       200, { "transfer-encoding" => ["chunked"], "content-length" => nil }, "hi"],
    "R-08 a 204 has neither body nor framing" =>
      ['[204, {}, ["x"]]', 204, { "content-length" => nil, "transfer-encoding" => nil }, ""],
    "R-08 row 281 a 204 loses the app's content-length" =>
      ['[204, { "content-length" => "1" }, []]', 204, { "content-length" => nil, "transfer-encoding" => nil }, ""],
    "R-08 a 204 with an each body has neither body nor framing" =>
      ['[204, {}, Enumerator.new { |y| y << "x" }]', 204, { "content-length" => nil, "transfer-encoding" => nil }, ""],
    "R-08 a 205 has no content" => ['[205, {}, ["x"]]', 205, {}, ""],
    "R-08 row 282 a 304 has no body" => ['[304, { "etag" => "e" }, ["x"]]', 304, { "etag" => ["e"], "transfer-encoding" => nil }, ""],
    "R-08 a 304 keeps the app's content-length" => ['[304, { "content-length" => "5" }, []]', 304, { "content-length" => ["5"] }, ""],
    "row 249 a String status is understood" => ['["201", {}, ["x"]]', 201, {}, "x"],
    "row 244 a newline at the end of a value begins no further line" => ['[200, { "x-a" => "1\n2\n", "x-b" => "3\n" }, ["x"]]', 200, { "x-a" => %w[1 2], "x-b" => ["3"] }, "x"],
    "R-04 the same content-length twice, in different letters, is one" =>
      ['[200, { "Content-Length" => "1", "content-length" => "1" }, ["x"]]', 200, { "content-length" => ["1"] }, "x"],
    "R-04 R-06 nil for what frames the body is as if it were not there" =>
      ['[200, { "content-length" => nil, "transfer-encoding" => nil }, ["x"]]', 200, { "content-length" => ["1"], "transfer-encoding" => nil }, "x"],
    "H-05 nil for rack.hijack is as if it were not there" => ['[200, { "rack.hijack" => nil }, ["x"]]', 200, {}, "x"],
    "headers may be a frozen Hash" => ['[200, { "x-a" => "1".freeze }.freeze, ["x"].freeze].freeze', 200, { "x-a" => ["1"] }, "x"],
    "headers may be a list of pairs" => ['[200, [["x-a", "1"], ["x-a", "2"]], ["x"]]', 200, { "x-a" => %w[1 2] }, "x"],
    "headers may be anything with only each (Rack 2)" =>
      ['[200, Class.new { def each = yield("x-a", "1") }.new, ["x"]]', 200, { "x-a" => ["1"] }, "x"],
    "headers may be a Rack::Headers" => ['[200, Rack::Headers["X-A" => "1"], ["x"]]', 200, { "x-a" => ["1"] }, "x"],
    "a large header value is sent whole" => ['[200, { "x-a" => "v" * 60_000 }, ["x"]]', 200, { "x-a" => ["v" * 60_000] }, "x"],
    "many headers are sent" =>
      ['[200, (1..300).to_h { |i| ["x-#{i}", i.to_s] }, ["x"]]', 200, { "x-1" => ["1"], "x-300" => ["300"] }, "x"]
  }
  table = AppTable.new(rows.transform_values(&:first), prelude: 'require "rack"')

  let(:server) { ServerProcess.shared(:response, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  def get(path, *fields, method: "GET", version: "1.1")
    ["#{method} #{path} HTTP/#{version}", "Host: x", *fields, "", ""].join("\r\n")
  end

  # The connection still speaks HTTP, at the right byte.
  def expect_in_step = expect(sock.request(get("/plain")).body).to eq("plain")

  rows.each do |name, (_, status, headers, body)|
    it name do
      response = sock.request(get(table.path(name)))
      expect(response.status).to eq status
      expect(response.headers.values_at(*headers.keys).map { |lines| lines&.map(&:b) }).to eq(headers.values.map { |lines| lines&.map(&:b) })
      expect(response.body).to eq body
      expect_in_step
    end
  end

  it "R-05 sends a part of an each body as one chunk" do
    expect(sock.request(get(table.path("R-05 an each body is chunked, a chunk a part, empty parts skipped"))).chunks).to eq %w[a bc]
  end

  it "R-05 an HTTP/1.0 client gets an each body raw, ended by the close" do
    response = sock.request(get(table.path("R-05 an each body is chunked, a chunk a part, empty parts skipped"), version: "1.0"))
    expect(response.headers).not_to include("transfer-encoding", "content-length")
    expect(response.body).to eq "abc"
    expect(sock).to be_closed
  end

  it "R-10 an HTTP/1.0 client gets HTTP/1.0, also for a 304 with a content-length" do
    response = sock.request(get(table.path("R-08 a 304 keeps the app's content-length"), "Connection: keep-alive", version: "1.0"))
    expect([response.version, response["content-length"]]).to eq ["1.0", "5"]
    expect_in_step
  end

  it "R-03 the date is now, in the format of RFC 9110" do
    response = sock.request(get("/plain"))
    expect(response["date"]).to match(/\A[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\z/)
    expect(Time.httpdate(response["date"])).to be_within(3).of(Time.now)
  end

  describe "R-08 HEAD" do
    {
      "R-04 content-length of an Array is the sum of the bytes" => "5",
      "R-04 the app's content-length is kept for an each body" => "3"
    }.each do |name, length|
      it "announces the length without the body (#{name})" do
        response = sock.request(get(table.path(name), method: "HEAD"), head: true)
        expect(response.status).to eq 200
        expect(response["content-length"]).to eq length
        expect_in_step
      end
    end

    it "row 226: an each body of unknown length sends no byte, not even a chunk" do
      name = "R-05 an each body is chunked, a chunk a part, empty parts skipped"
      expect(sock.request(get(table.path(name), method: "HEAD"), head: true).headers).not_to include("content-length")
      expect_in_step
    end
  end

  describe "R-09 the reason phrase" do
    let(:server) { ServerProcess.shared(:status, app: 'run ->(env) { [env["PATH_INFO"][1..].to_i, {}, []] }') }

    { 200 => "OK", 404 => "Not Found", 422 => "Unprocessable (?:Entity|Content)", 429 => "Too Many Requests",
      451 => "Unavailable For Legal Reasons", 500 => "Internal Server Error", 511 => "Network Authentication Required" }.each do |status, reason|
      it "of #{status} is #{reason}" do
        response = sock.request(get("/#{status}"))
        expect(response.status).to eq status
        expect(response.reason).to match(/\A#{reason}\z/i)
      end
    end

    [299, 420, 599, 700, 999].each do |status|
      it "row 252: #{status} has some" do
        response = sock.request(get("/#{status}"))
        expect([response.status, response.reason]).to match [status, /\A[A-Za-z]/]
      end
    end
  end
end
