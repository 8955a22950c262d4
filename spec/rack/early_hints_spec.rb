# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"
require_relative "support/gate"

RSpec.describe "E-22 R-15 rack.early_hints" do
  table = AppTable.new(
    {
      "hint" => 'env["rack.early_hints"].call({ "link" => "</a.css>; rel=preload" }); [200, { "x-a" => "1" }, ["final"]]',
      "several" => '2.times { |i| env["rack.early_hints"].call({ "link" => "<#{i}>", "x-hint" => i.to_s }) }; [200, {}, ["final"]]',
      "lines" => 'env["rack.early_hints"].call({ "Link" => %w[<1> <2>], "x-b" => "3\n4" }); [200, {}, ["final"]]',
      "partly illegal" => 'env["rack.early_hints"].call({ "link" => "<1>", "x\r\n" => "1", "x-cr" => "a\rb", "x-nul" => "\0", "rack.x" => "y" }); [200, {}, ["final"]]',
      "only illegal" => 'env["rack.early_hints"].call({ "x-cr" => "a\r\nx-injected: b" }); [200, {}, ["final"]]',
      "empty" => 'env["rack.early_hints"].call({}); [200, {}, ["final"]]',
      "framing" => 'env["rack.early_hints"].call({ "link" => "<1>", "content-length" => "5", "transfer-encoding" => "chunked" }); [200, {}, ["final"]]',
      "streamed" => 'env["rack.early_hints"].call({ "link" => "<1>" }); [200, {}, Enumerator.new { |y| y << "fi" << "nal" }]',
      "raises" => 'env["rack.early_hints"].call({ "link" => "<1>" }); raise "after the hint"',
      "too late" => 'hints = env["rack.early_hints"]; [200, {}, Enumerator.new { |y| y << "fi"; hints.call({ "link" => "<1>" }); y << "nal" }]',
      "gated" => 'env["rack.early_hints"].call({ "link" => "<1>" }); File.read("gate"); [200, {}, ["final"]]',
      "return" => '[200, {}, [env["rack.early_hints"].call({ "link" => "<1>" }).inspect]]',
      "key" => '[200, {}, [env.key?("rack.early_hints").to_s]]'
    }
  )

  let(:server) { ServerProcess.shared(:early_hints, app: table.rackup, args: %w[--early-hints]) }
  let(:sock) { server.connect }

  after { sock.close }

  define_method(:get) { |row, version: "1.1", method: "GET"| "#{method} #{table.path(row)} HTTP/#{version}\r\nHost: x\r\n\r\n" }

  # row => the headers of each 103, and a final response as if nothing had been
  {
    "hint" => [{ "link" => ["</a.css>; rel=preload"] }],
    "several" => [{ "link" => ["<0>"], "x-hint" => ["0"] }, { "link" => ["<1>"], "x-hint" => ["1"] }],
    "lines" => [{ "link" => %w[<1> <2>], "x-b" => %w[3 4] }],
    "partly illegal" => [{ "link" => ["<1>"] }],
    "only illegal" => [],
    "empty" => [],
    "framing" => [{ "link" => ["<1>"] }],
    "streamed" => [{ "link" => ["<1>"] }]
  }.each do |row, hints|
    it "#{row}: the 103s have these headers, a final 200 follows" do
      response = sock.request(get(row))
      expect(response.interim.map { |hint| [hint.status, hint.version, hint.reason] }).to all eq([103, "1.1", "Early Hints"])
      expect(response.interim.map(&:headers)).to eq hints
      expect([response.status, response.body, response["link"], response["x-injected"]]).to eq [200, "final", nil, nil]
      expect(sock.request(get("key")).body).to eq "true"
    end
  end

  it "a 103 is with the client while the app still works" do
    server = serve(table.rackup, args: %w[--early-hints -t 1:1])
    gate = Gate.new(server)
    sock = server.connect.write(get("gated"))
    expect(sock.read_interim.headers).to eq("link" => ["<1>"])
    gate.open
    response = sock.read_response
    expect([response.interim, response.body]).to eq [[], "final"]
  end

  it "pipelined requests keep their order" do
    sock.write(get("hint") + get("key") + get("several") + get("hint"))
    responses = Array.new(4) { sock.read_response }
    expect(responses.map { |response| response.interim.size }).to eq [1, 0, 2, 1]
    expect(responses.map(&:body)).to eq %w[final true final final]
  end

  it "an app that raises after a hint still gets its 500" do
    response = sock.request(get("raises"))
    expect([response.interim.size, response.status]).to eq [1, 500]
  end

  it "a hint after the head is not written into the body" do
    response = sock.request(get("too late"))
    expect([response.interim, response.body]).to eq [[], "final"]
    expect(sock.request(get("key")).body).to eq "true"
  end

  it "HEAD gets hints too" do
    response = sock.request(get("hint", method: "HEAD"), head: true)
    expect([response.interim.size, response["content-length"]]).to eq [1, "5"]
  end

  it "an HTTP/1.0 client gets none" do
    response = sock.request(get("hint", version: "1.0"))
    expect([response.interim, response.status, response.body]).to eq [[], 200, "final"]
  end

  it "a client that has gone does not disturb the app" do
    server = serve(<<~'RUBY', args: %w[--early-hints -t 1:1])
      seen = []
      run lambda { |env|
        next [200, {}, [seen.join]] if env["PATH_INFO"] == "/seen"

        File.read("gate")
        seen << (begin; 5.times { env["rack.early_hints"].call({ "link" => "<1>" }) }; "fine"; rescue Exception => e; e.class; end)
        [200, {}, ["x"]]
      }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    gate.reached
    sock.reset
    gate.open
    eventually { Http.get(server, "/seen").body == "fine" }
  end

  it "is absent without the option" do
    expect(Http.get(ServerProcess.shared(:no_early_hints, app: table.rackup), table.path("key")).body).to eq "false"
  end
end
