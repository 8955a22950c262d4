# frozen_string_literal: true

require "spec_helper"
require_relative "support/site"
require_relative "../support/sse_client"
require_relative "../support/websocket_client"

RSpec.describe "B-04: HTTP over TLS" do
  include Site

  app = <<~'RUBY'
    module Echo
      extend self

      def on_open(client) = client.subscribe("news")
      def on_message(client, data) = data.start_with?("publish ") ? IodineRs.publish("news", data * 10_000) : client.write(data)
    end

    PATHS = {
      "/env" => ->(env) { [200, {}, [env.values_at("HTTPS", "rack.url_scheme", "SERVER_PORT", "SERVER_NAME", "REMOTE_ADDR", "puma.peercert").inspect]] },
      "/post" => ->(env) { [200, {}, [env["rack.input"].read.sum.to_s]] },
      "/big" => ->(_) { [200, {}, ["b" * 20_000_000]] },
      "/file" => ->(_) { [200, {}, File.open("large")] },
      "/parts" => ->(_) { [200, {}, ->(stream) { 100.times { |n| stream.write("#{n} " * 1000) }; stream.close }] },
      "/cut" => ->(_) { [200, {}, ->(stream) { stream.write("begun"); raise "half-way" }] },
      "/hints" => ->(env) { env["rack.early_hints"].call("link" => "</a>"); [200, {}, ["hinted"]] },
      "/wait" => ->(_) { puts "waiting"; sleep 0.01 until File.exist?("go"); [200, {}, ["waited"]] },
      "/echo" => ->(env) { env["rack.upgrade"] = Echo; [200, {}, []] },
      "/hijack" => lambda { |env|
        io = env["rack.hijack"].call
        Thread.new do
          io.write("#{io.is_a?(IO)} ")
          loop { io.write(io.readpartial(65_536)) }
        rescue EOFError
          io.write(" end")
          io.close
        end
        [-1, {}, []]
      },
      "/hijack-close" => ->(env) { io = env["rack.hijack"].call; io.write("h" * 3_000_000); io.close; [-1, {}, []] }
    }.freeze
    run ->(env) { PATHS.fetch(env["PATH_INFO"]).call(env) }
  RUBY

  let(:server) do
    files = Certificates.shared.files.merge("large" => "f" * 3_000_000)
    ServerProcess.shared(:tls, app:, files:, bind: Site::ADDRESS, args: %w[--early-hints])
  end
  let(:client) { secure(server) }

  it "E-07, E-12, E-13: tells the app that it is https" do
    wanted = ["https", "https", "443", "localhost", "127.0.0.1", nil]
    expect(client.request(get("/env")).body).to eq(wanted.inspect)
  end

  it "is logged as Puma logs it" do
    expect(server.stdout).to include("* Listening on ssl://127.0.0.1:#{server.port}?cert=site.crt&key=site.key\n")
  end

  it "keeps a connection, and answers pipelined requests in order" do
    client.write(get("/env") * 3)
    expect(Array.new(3) { client.read_response.status }).to eq([200, 200, 200])
    expect(client.request(get("/env")).status).to eq(200)
  end

  it "takes and gives large bodies" do
    body = "u" * 5_000_000
    client.write("POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: #{body.bytesize}\r\n\r\n#{body}")
    expect(client.read_response.body).to eq(body.sum.to_s)
    client.write("POST /post HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n#{format("%x", body.bytesize)}\r\n#{body}\r\n0\r\n\r\n")
    expect(client.read_response.body).to eq(body.sum.to_s)
    expect(client.request(get("/big")).body).to eq("b" * 20_000_000)
  end

  it "sends files and streams" do
    expect(client.request(get("/file")).body).to eq("f" * 3_000_000)
    expect(client.request(get("/parts")).body).to eq(Array.new(100) { |n| "#{n} " * 1000 }.join)
  end

  it "T11: sends what a slow reader asks for, piece by piece" do
    slow = secure(server, receive_buffer: 4096)
    slow.write(get("/big"))
    read = slow.read_head && 0
    50.times { read += slow.read_bytes(20_000).bytesize }
    expect(read).to eq(1_000_000)
  end

  it "sends an early hint before the response" do
    client.write(get("/hints"))
    expect(client.read_interim.status).to eq(103)
    expect(client.read_response.body).to eq("hinted")
  end

  it "T7: says goodbye at the end, and does not where the body is cut" do
    client.request("GET /env HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    expect([client.closed?, client.close_notify?]).to eq([true, true])
    cut = secure(server)
    cut.write("GET /cut HTTP/1.0\r\n\r\n")
    cut.read_until("begun")
    expect([cut.closed?, cut.close_notify?]).to eq([true, false])
  end

  it "answers a client that has said goodbye already" do
    client.write(get("/env")).half_close
    expect(client.read_response.status).to eq(200)
    expect(client.closed?).to be(true)
  end

  it "goes on when a client vanishes" do
    client.write(get("/big"))
    client.read_head
    client.cut
    expect(secure(server).request(get("/env")).status).to eq(200)
  end

  it "refuses a malformed request as it does without TLS" do
    expect(client.request("nonsense\r\n\r\n").status).to eq(400)
    expect(client.closed?).to be(true)
  end

  describe "WebSocket (wss)" do
    let(:socket) { WebSocketClient.new(door(server), "/echo") }

    it "carries messages of all sizes" do
      ["x", "y" * 300, "z" * 1_000_000].each do |text|
        socket.text(text)
        expect(socket.read_message).to eq(text)
      end
    end

    it "brings publications to all, larger than what the system takes at once" do
      others = Array.new(3) { WebSocketClient.new(door(server), "/echo") }
      socket.text("publish #{"p" * 100}")
      expect([socket, *others].map { |one| one.read_message.bytesize }).to all(eq(1_080_000))
    end

    it "is closed in order" do
      expect(socket.goodbye(1000)).to be_truthy
      expect([socket.closed?, socket.socket.close_notify?]).to eq([true, true])
    end

    it "answers the Close of a client that has said goodbye already" do
      socket.send_close(3000).socket.half_close
      expect(socket.finish).to have_attributes(code: 3000, reset: false)
    end
  end

  it "sends server-sent events" do
    events = SseClient.new(door(server), "/echo")
    WebSocketClient.new(door(server), "/echo").text("publish !")
    expect(events.read_event.data.bytesize).to eq(90_000)
  end

  it "ends upgraded connections with 1001 when it stops" do
    own = serve_tls(app)
    socket = WebSocketClient.new(door(own), "/echo")
    own.signal("TERM")
    ending = socket.finish
    expect([ending.code, ending.reset, socket.socket.close_notify?]).to eq([1001, false, true])
    own.wait_exit
  end

  describe "full hijack (H-01)" do
    it "gives an IO whose half-closes arrive" do
      client.write("#{get("/hijack")}early ")
      expect(client.read_until("early ")).to eq("true early ")
      client.write("late")
      client.read_until("late")
      client.half_close
      expect(client.read_to_end).to eq(" end")
      expect(client.close_notify?).to be(true)
    end

    it "sends what was written before it was closed" do
      client.write(get("/hijack-close"))
      expect(client.read_to_end).to eq("h" * 3_000_000)
      expect(client.close_notify?).to be(true)
    end

    it "tells the app that the client is gone" do
      client.write(get("/hijack"))
      client.read_until("true ")
      client.cut
      expect(secure(server).request(get("/env")).status).to eq(200)
    end

    it "keeps no connection of an app that has closed it, though the client does not" do
      before = descriptors(server)
      clients = Array.new(5) { secure(server).tap { |one| one.write(get("/hijack-close")) } }
      clients.each { |one| one.read_bytes(3_000_000) }
      eventually { descriptors(server) <= before + 1 }
    end

    def descriptors(server) = Dir.children("/proc/#{server.pid}/fd").size
  end

  it "finishes what has begun when it stops, and says goodbye" do
    own = serve_tls(app)
    busy, idle = secure(own), secure(own)
    busy.write(get("/wait"))
    own.wait_for_stdout(/waiting/)
    own.signal("TERM")
    own.wait_for_stdout(/Gracefully/)
    File.write("#{own.dir}/go", "")
    expect(busy.read_response.body).to eq("waited")
    expect([busy.closed?, busy.close_notify?, idle.closed?, idle.close_notify?]).to all(be(true))
    expect(own.wait_exit.termsig).to eq(15)
  end

  it "serves curl, with HTTP/1.1 by ALPN" do
    expect(curl(server, "/env", "--write-out", " %{http_version}")).to start_with('["https", ').and(end_with(" 1.1"))
  end
end
