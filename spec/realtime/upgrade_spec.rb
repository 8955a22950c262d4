# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"
require_relative "../support/sse_client"

RSpec.describe "upgrading" do
  let(:server) { ServerProcess.shared(:scenes, rackup: "spec/realtime/apps/scenes.ru") }

  def log = Http.get(server, "/log").body.split("\n")

  before { log }

  it "B-1, B-2: puts the questions into every env" do
    expect(Http.get(server, "/env").body).to eq("nil nil")
  end

  {
    "a handshake" => [{}, ":websocket true"],
    "W5 tokens in any case" => [{ "connection" => "keep-alive, UPGRADE", "upgrade" => "WebSocket" }, ":websocket true"],
    "another version" => [{ "sec-websocket-version" => "12" }, "nil nil"],
    "W3 no key" => [{ "sec-websocket-key" => nil }, "nil nil"],
    "W3 a key of another length" => [{ "sec-websocket-key" => "c2hvcnQ=" }, "nil nil"],
    "W4 two keys" => [{ "sec-websocket-key" => ["dGhlIHNhbXBsZSBub25jZQ=="] * 2 }, "nil nil"],
    "W4 two versions" => [{ "sec-websocket-version" => %w[13 13] }, "nil nil"],
    "W1 no Upgrade" => [{ "upgrade" => nil }, "nil nil"],
    "W1 no Connection: upgrade" => [{ "connection" => "keep-alive" }, "nil nil"],
    "h2c" => [{ "upgrade" => "h2c" }, "nil nil"]
  }.each do |name, (headers, keys)|
    it("B-2, B-9, B-10, B-11: says what can be upgraded: #{name}") do
      expect(WebSocketClient.new(server, "/env", headers:).response.body).to eq(keys)
    end
  end

  it "leaves a connection an env without room for more, below 1 KiB" do
    server = serve(<<~'RUBY')
      require "objspace"
      module Weighed
        def self.on_open(client) = client.write(ObjectSpace.memsize_of(client.env).to_s)
      end
      run lambda { |env|
        env["rack.upgrade"] = Weighed
        [200, {}, []]
      }
    RUBY
    client = WebSocketClient.new(server, "/")
    expect(client.read_message.to_i).to be < 1024
    client.close
  end

  it "W1, B-9: does not take POST or HTTP/1.0 for a handshake" do
    expect(WebSocketClient.new(server, "/env", method: "POST", headers: { "content-length" => "0" }).response.body)
      .to eq("nil nil")
    expect(WebSocketClient.new(server, "/env", version: "1.0").response.body).to eq("nil nil")
  end

  it "S9: says that an event stream is wanted, also in a list" do
    expect(Http.get(server, "/env", { "accept" => "text/html, text/event-stream;q=0.9" }).body)
      .to eq(":sse nil")
    expect(Http.get(server, "/env", { "accept" => "text/event-stream;q=0" }).body).to eq("nil nil")
  end

  it "S-09: streams events in answer to a request of any method that may have a body in its response" do
    post = { "content-type" => "application/json", "content-length" => "0", "accept" => "application/json, text/event-stream" }
    stream = SseClient.new(server, "/status?200", method: "POST", headers: post)
    expect(stream).to be_open
    stream.close
    expect(SseClient.new(server, "/status?200", method: "HEAD")).not_to be_open
  end

  it "row 3: streams events where the app wrote :sse itself, whatever the client accepts" do
    plain = { "accept" => "*/*" }
    stream = SseClient.new(server, "/written?sse", headers: plain)
    expect(stream).to be_open
    expect(stream.read_event.data).to eq("hello\nworld")
    stream.close
    expect(SseClient.new(server, "/written?sse", headers: plain, method: "HEAD")).not_to be_open
  end

  it "row 3: makes no WebSocket of a plain request because the app wrote :websocket" do
    response = Http.get(server, "/written?websocket")
    expect([response.status, response.body]).to eq([200, "plain"])
  end

  [0, -1, 101, 200, 204].each do |status|
    it "B-5, B-6, B-7: upgrades with status #{status}; headers go along, the body is closed unsent" do
      client = WebSocketClient.new(server, "/status?#{status}")
      expect(client.response.status).to eq(101)
      expect(client.response.headers.select { |name, _| name == "set-cookie" }.map(&:last).flatten).to eq(%w[a=1 b=2])
      expect(client.response["x-app"]).to eq("yes")
      expect(client.response["content-length"]).to be_nil
      expect(client.response["keep-alive"]).to be_nil
      # It is between app and server, and names a place of the server's.
      expect(client.response["x-sendfile"]).to be_nil
      expect(client.ask("hi")).to eq("hi")
      client.goodbye
      seen = []
      eventually { ["body closed", "close 1000 "].all? { |line| (seen += log).include?(line) } }
    end
  end

  [300, 302, 401, 500].each do |status|
    it "B-5: is refused by status #{status}, without a callback" do
      client = WebSocketClient.new(server, "/status?#{status}")
      expect(client.response.status).to eq(status)
      expect(client.response.body).to eq("body")
      expect(log).to eq(["body closed"])
    end
  end

  it "W2, B-9: answers another version with 426 where the app set a handler" do
    response = WebSocketClient.new(server, "/echo", headers: { "sec-websocket-version" => "8" }).response
    expect(response.status).to eq(426)
    expect(response["sec-websocket-version"]).to eq("13")
    expect(log).to be_empty
  end

  it "row 6: follows rack.upgrade where both keys are set, and says so once" do
    2.times { expect(WebSocketClient.new(server, "/both").ask("hi")).to eq("hi") }
    server.wait_for_stderr(/rack.upgrade and upgrade.websocket/)
    expect(server.stderr.scan("upgrade.websocket").size).to eq(1)
  end

  it "ignores a handler on a request that cannot be upgraded" do
    response = Http.get(server, "/echo")
    expect([response.status, response.body]).to eq([200, "not upgraded"])
  end

  it "W7, B-8: passes on one sub-protocol that was offered, and no other" do
    offered = { "sec-websocket-protocol" => "chat, other" }
    expect(WebSocketClient.new(server, "/protocol?other", headers: offered).response["sec-websocket-protocol"]).to eq("other")
    expect(WebSocketClient.new(server, "/protocol?third", headers: offered).response["sec-websocket-protocol"]).to be_nil
    server.wait_for_stderr(/sub-protocol "third"/)
  end

  it "W6: refuses a page of another origin with 403 and names the option" do
    expect(WebSocketClient.new(server, "/echo", headers: { "origin" => "http://evil.example" }).response.status).to eq(403)
    server.wait_for_stderr(/allowed_origins/)
    expect(WebSocketClient.new(server, "/echo", headers: { "origin" => "http://localhost" })).to be_open
  end

  {
    "is full" => '$stderr.reopen("/dev/full", "w")',
    "is not read" => <<~'RUBY'
      require "io/nonblock"
      $unread, log = IO.pipe
      nil until log.write_nonblock("x" * 4096, exception: false) == :wait_writable
      log.nonblock = false
      $stderr.reopen(log)
    RUBY
  }.each do |state, log|
    it "W6: refuses such a page also where the log #{state}, and serves others" do
      other = serve(<<~RUBY)
        #{log}
        run ->(env) { env["rack.upgrade"] = Object.new if env["rack.upgrade?"]; [200, {}, ["hello"]] }
      RUBY
      expect(WebSocketClient.new(other, "/", headers: { "origin" => "http://evil.example" }).response.status).to eq(403)
      expect(Http.get(other, "/").body).to eq("hello")
    end
  end

  it "W6: takes the origins that the option names" do
    serve("spec/realtime/apps/scenes.ru", args: ["--set", "allowed_origins=https://*.good.example"]).then do |other|
      expect(WebSocketClient.new(other, "/echo", headers: { "origin" => "https://a.good.example" })).to be_open
      expect(WebSocketClient.new(other, "/echo", headers: { "origin" => "http://localhost" }).response.status).to eq(403)
    end
  end

  it "W30: lets an offer of compression lie, and keeps to plain frames" do
    client = WebSocketClient.new(server, "/echo", headers: { "sec-websocket-extensions" => "permessage-deflate; client_max_window_bits" })
    expect(client).to be_open
    expect(client.response["sec-websocket-extensions"]).to be_nil
    expect(client.ask("x" * 10_000)).to eq("x" * 10_000)
  end

  it "instantiates a class that answers no callback itself" do
    expect(WebSocketClient.new(server, "/class")).to be_open
  end
end
