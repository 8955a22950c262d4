# frozen_string_literal: true

require "spec_helper"
require "json"
require_relative "../support/websocket_client"
require_relative "../tls/support/site"

RSpec.describe "E-25: env['puma.socket']" do
  include Site

  app = <<~'RUBY'
    GONE = Thread::Queue.new
    SEES = {
      "/tcp" => ->(io) { [io.peeraddr(false), io.addr(:numeric), io.remote_address.ip_port, io.local_address.ipv4?, Socket.unpack_sockaddr_in(io.getpeername)] },
      "/unix" => ->(io) { [io.peeraddr, io.addr, io.path, io.local_address.unix?] },
      "/can" => ->(io) { %i[write peeraddr closed? to_io fileno].map { |name| io.respond_to?(name) } },
      "/select" => ->(io) { IO.select([io], nil, nil, 0) },
      "/nonsense" => ->(io) { io.nonsense }
    }.freeze
    run lambda { |env|
      io = env["puma.socket"]
      case env["PATH_INFO"]
      when "/write"
        io.write "HTTP/1.1 200 OK\r\n"
        io << "content-length: 5\r\n" << "\r\n"
        io.print("he", "l")
        io.puts "lo"
        same = env["rack.hijack_io"].equal?(env["rack.hijack"].call)
        io.write([same, io.closed?, io.to_io.is_a?(IO), io.respond_to?(:fileno), io.peeraddr(false) == env["rack.hijack_io"].peeraddr(false)].inspect)
        io.close
        [200, { "x-no" => "body" }, ["not this"]]
      when "/close"
        io.close
        [-1, {}, []]
      when "/late"
        env["rack.response_finished"] << ->(*) { GONE << [io.closed?, (io.write("x") rescue $!.class)] }
        [200, {}, ["in time"]]
      when "/told" then [200, {}, [GONE.pop(timeout: 5).inspect]]
      else [200, {}, [SEES.fetch(env["PATH_INFO"]).call(io).inspect]]
      end
    }
  RUBY

  it "tells both ends of the connection, which goes on" do
    server = serve(app)
    client = server.connect
    own = client.to_io.local_address.ip_port
    expected = [["AF_INET", own, "127.0.0.1", "127.0.0.1"], ["AF_INET", server.port, "127.0.0.1", "127.0.0.1"], own, true, [own, "127.0.0.1"]]
    2.times { expect(client.request(get("/tcp")).body).to eq(expected.inspect) }
    expect(client.request(get("/can")).body).to eq("[true, true, true, true, false]")
  end

  it "tells the path of a Unix socket" do
    server = serve(app, args: %w[-b unix://own.sock])
    path = "#{server.dir}/own.sock"
    RawSocket.open(path) do |client|
      expect(client.request(get("/unix")).body).to eq([["AF_UNIX", ""], %w[AF_UNIX own.sock], "own.sock", true].inspect)
    end
  end

  it "tells them on an encrypted port" do
    server = serve_tls(app)
    expect(secure(server).request(get("/tcp")).body).to include(%(["AF_INET", #{server.port}, "127.0.0.1", "127.0.0.1"]))
  end

  { "plain" => :serve, "encrypted" => :serve_tls }.each do |kind, start|
    it "is the connection for whoever writes to it, and what the app returns means nothing (#{kind})" do
      server = send(start, app)
      client = start == :serve ? server.connect : secure(server)
      expect(client.write(get("/write")).read_to_end).to eq("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello\n[true, false, true, true, true]")
    end
  end

  it "is closed by the app" do
    client = serve(app).connect
    expect(client.write(get("/close")).read_to_end).to eq("")
  end

  it "is the server's again after the answer" do
    server = serve(app)
    expect(server.connect.request(get("/late")).body).to eq("in time")
    expect(server.connect.request(get("/told")).body).to eq("[true, IOError]")
  end

  it "tells both ends when its request has long been over, and is not to be had any more" do
    server = serve(<<~'RUBY')
      KEPT = []
      run lambda { |env|
        io = (KEPT << env["puma.socket"]).first
        100.times { 1_000.times { "x" * 50 }; GC.start(full_mark: false) } if KEPT.size > 1
        taken = env["PATH_INFO"] == "/take" && (io.call rescue $!.class)
        [200, {}, [[io.peeraddr(false)[1], io.addr[1], io.closed?, taken].inspect]]
      }
    RUBY
    client = server.connect
    own = client.local_port
    expect(client.request(get("/")).body).to eq([own, server.port, false, false].inspect)
    client.close
    expect(server.connect.request(get("/take")).body).to eq([own, server.port, true, IOError].inspect)
  end

  it "says what to do where an app would read beside the server, and what it does not know" do
    server = serve(app)
    client = server.connect
    expect(client.request(get("/select")).status).to eq(500)
    server.wait_for_stderr(/to_io: the server reads from this connection until it is taken: env\["rack.hijack"\].call is the socket; `closed\?` tells/)
    expect(client.request(get("/nonsense")).status).to eq(500)
    server.wait_for_stderr(/undefined method `nonsense'/)
    expect(client.request(get("/can")).status).to eq(200)
  end

  it "takes no more memory than an env without it, and is gone from that of an upgraded connection" do
    size = <<~'RUBY'
      require "objspace"
      run lambda { |env|
        if env["rack.upgrade?"]
          env["rack.upgrade"] = Class.new { define_method(:on_open) { |client| client.write(client.env.key?("puma.socket").inspect) } }.new
          next [200, {}, []]
        end
        twin = env.dup.tap { |copy| copy.delete("puma.socket") }
        twin.rehash
        [200, {}, [[ObjectSpace.memsize_of(env), ObjectSpace.memsize_of(twin)].inspect]]
      }
    RUBY
    server = serve(size)
    fields = (1..20).map { |number| "x-a#{number}: 1\r\n" }.join
    with, without = JSON.parse(server.connect.request("GET / HTTP/1.1\r\nhost: x\r\n#{fields}\r\n").body)
    expect(with).to be <= without
    expect(WebSocketClient.new(server).read_message).to eq("false")
  end
end
