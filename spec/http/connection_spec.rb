# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP connections" do
  extend Wire::Rows
  include Wire::Bytes

  echo_server

  numbers = (0...20).map { |n| format("%02d", n) }
  expecting = ->(value, *more) { post("Expect: #{value}", "Content-Length: 5", *more) }
  old = ->(*fields, **more) { head("GET / HTTP/1.0", *fields, **more) }
  kept = { "connection" => /\Akeep-alive\z/i }
  websocket = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]

  rows [
    [195, "two requests one after the other", [get, get], served("", "")],
    [196, "Connection: close, and a request behind it", get("Connection: close") + get, served("", ending: :closes)],
    [197, "Connection: close, foo", get("Connection: close, foo") + get, served("", ending: :closes)],
    [198, "Connection: foo, close", get("Connection: foo, close") + get, served("", ending: :closes)],
    [199, "Connection: CLOSE", get("Connection: CLOSE") + get, served("", ending: :closes)],
    [200, "close and keep-alive in two lines", get("Connection: keep-alive", "Connection: close") + get, served("", ending: :closes)],
    [200, "keep-alive and close in one line", get("Connection: keep-alive, close") + get, served("", ending: :closes)],
    [201, "HTTP/1.0 closes", old.call + get, served("", ending: :closes)],
    [202, "HTTP/1.0 with keep-alive", old.call("Connection: keep-alive"), served("", headers: kept)],
    [202, "HTTP/1.0 with Keep-Alive", old.call("Connection: Keep-Alive"), served("", headers: kept)],
    [202, "HTTP/1.0 with KEEP-ALIVE", old.call("Connection: KEEP-ALIVE"), served("", headers: kept)],
    [204, "Expect: 100-continue", [expecting.call("100-continue"), :continue, "hello"], served("hello")],
    [205, "Expect: 100-Continue", [expecting.call("100-Continue"), :continue, "hello"], served("hello")],
    [206, "HTTP/1.0 ignores Expect", [head("POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 5"), :quiet, "hello"], served("hello", ending: :closes)],
    [207, "Expect: foo", expecting.call("foo"), refused(417)],
    [208, "Expect without a body", get("Expect: 100-continue"), served("")],
    [210, "20 pipelined requests", numbers.map { |n| post("Content-Length: 2", body: n) }.join, served(*numbers)],
    [211, "a slow request before a quick one", get(target: "/slow") + post("Content-Length: 5", body: "quick"), served("", "quick")],
    [212, "garbage behind a request", "#{get}garbage\r\n\r\n", refused(400, "")],
    [213, "POST and GET in one packet", post("Content-Length: 5", body: "hello") + get, served("hello", "")],
    [214, "half-closed behind a request", [get, :fin], served("", ending: :ends)],
    [214, "half-closed while the app runs", [get(target: "/slow"), :quiet, :fin], served("", ending: :ends)],
    [215, "the end of the connection in the head", ["GET / HTTP/1.1\r\nHost: a.ex", :fin], cut],
    [216, "the end of the connection in the body", [post("Content-Length: 5", body: "hel"), :fin], cut],
    [222, "Upgrade: foo", get("Connection: Upgrade", "Upgrade: foo"), served("")],
    [223, "Upgrade: h2c", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), served("")],
    [224, "a WebSocket upgrade with POST", post(*websocket, "Content-Length: 5", body: "hello"), served("hello")]
  ]

  context "with http_content_length_limit" do
    echo_server("--set", "http_content_length_limit=1000")

    rows [
      [209, "no 100 for a body above it", post("Expect: 100-continue", "Content-Length: 1001"), refused(413)],
      [219, "the answer survives 2 MB on their way", post("Content-Length: 2000000", body: "x" * 2_000_000), refused(413)]
    ]
  end

  context "with max_keep_alive=3" do
    echo_server("--set", "max_keep_alive=3")

    rows [
      [221, "closes after three requests", get * 4, served("", "", "", ending: :closes)]
    ]
  end

  context "with enable_keep_alives=false" do
    echo_server("--set", "enable_keep_alives=false")

    rows [
      [221, "closes after one request", get * 2, served("", ending: :closes)]
    ]
  end

  it "row 203: a body of unknown length ends with the connection in HTTP/1.0" do
    response = server.connect.request("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    expect(response.version).to eq("1.0")
    expect(response.headers.keys).not_to include("transfer-encoding", "content-length")
    expect(response["connection"]).not_to eq("keep-alive")
    expect(response.body).to eq("part 0;part 1;part 2;")
  end

  it "row 220: an answer before the body was read keeps the connection" do
    socket = server.connect
    refusal = socket.request(head("POST /refuse HTTP/1.1", "Host: a", "Content-Length: 5", body: "hello"))
    expect(refusal.status).to eq(403)
    expect(socket.request(get).status).to eq(200)
  end

  it "row 225: HEAD has the fields of GET and no body" do
    socket = server.connect
    answer = socket.request(get(target: "/calls"))
    bare = socket.request(head("HEAD /calls HTTP/1.1", "Host: a"), head: true)
    expect(bare.headers).to eq(answer.headers)
    expect(socket.request(get).status).to eq(200)
  end

  it "row 226: HEAD has neither body nor chunks when the length is unknown" do
    socket = server.connect
    bare = socket.request(head("HEAD /stream HTTP/1.1", "Host: a"), head: true)
    expect(bare.status).to eq(200)
    expect(socket.request(get).status).to eq(200)
  end

  describe "a client that goes away" do
    app = <<~'RUBY'
      $stdout.sync = true
      big = "x" * 8_000_000
      endless = Struct.new(:pause) do
        def each
          loop do
            yield "x" * 1000
            sleep pause if pause
          end
        end

        def close = puts("body closed")
      end

      run lambda { |env|
        case env["PATH_INFO"]
        when "/slow" then puts("app runs"); sleep(0.3); [200, {}, ["slow"]]
        when "/big" then [200, {}, [big]]
        when "/endless" then [200, {}, endless.new(nil)]
        when "/ticking" then [200, {}, endless.new(0.02)]
        else [200, {}, ["fine"]]
        end
      }
    RUBY

    let(:server) { serve(app, args: %w[-t 1:1]) }
    let(:socket) { server.connect }

    after do
      expect(Http.get(server).body).to eq("fine")
      expect(server.stderr).to eq("")
    end

    it("row 217: resets before a byte") { socket.reset }
    it("row 217: resets in the head") { socket.write("GET / HTTP/1.1\r\nHo").reset }
    it("row 217: resets in the body") { socket.write(post("Content-Length: 5", body: "he")).reset }
    it("row 217: resets in a chunk") { socket.write(chunks("5\r\nhe")).reset }

    it "row 217: resets while the app runs" do
      socket.write(get(target: "/slow"))
      server.wait_for_stdout(/app runs/)
      socket.reset
    end

    it "row 217: resets inside the response" do
      socket.write(get(target: "/big")).read_until("xxx")
      socket.reset
    end

    it "row 217: resets between two requests" do
      socket.request(get)
      socket.reset
    end

    %w[/endless /ticking].each do |path|
      it "row 218: leaves #{path} while it streams" do
        socket.write(get(target: path)).read_until("xxx")
        socket.close
        server.wait_for_stdout(/body closed/)
        expect(server.stdout.scan("body closed").size).to eq(1)
      end
    end
  end
end
