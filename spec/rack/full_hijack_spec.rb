# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"
require_relative "support/gate"
require_relative "support/uploads"

RSpec.describe "H-01 to H-04 and H-09: full hijack" do
  include Uploads

  # row => [app; `io` is the hijacked socket, the bytes the client gets]
  rows = {
    "H-01 nothing is written but what the app writes" => ['io.write("raw bytes"); io.close; [-1, {}, []]', "raw bytes"],
    "H-01 nothing at all is a closed connection" => ["io.close; [-1, {}, []]", ""],
    "H-02 a normal response is ignored" => ['io.write("raw"); io.close; [200, { "x-a" => "1" }, ["ignored"]]', "raw"],
    "H-02 a response with an each body is ignored" => ['io.write("raw"); io.close; [200, {}, Enumerator.new { |y| y << "ignored" }]', "raw"],
    "H-02 a streaming body is ignored" => ['io.write("raw"); io.close; [200, {}, ->(s) { s.write("ignored") }]', "raw"],
    "H-02 nil is ignored" => ['io.write("raw"); io.close; nil', "raw"],
    "H-02 nonsense is ignored" => ['io.write("raw"); io.close; :nonsense', "raw"],
    "H-02 an exception adds nothing" => ['io.write("raw"); io.close; raise "after the hijack"', "raw"],
    "H-01 syswrite and write_nonblock" => ['io.syswrite("a"); io.write_nonblock("b"); io.send("c", 0); io << "d"; io.close', "abcd"],
    "H-01 close_write ends the response" => ['io.write("a"); io.close_write; io.read; io.close', "a"],
    "H-01 one megabyte" => ['io.write("m" * 1_000_000); io.close', "m" * 1_000_000],
    "the class" => ['io.write([io.class, io.is_a?(IO), io.closed?].join(" ")); io.close', "TCPSocket true false"],
    "H-01, E-21 rack.hijack_io" => ['io.write(env["rack.hijack_io"].equal?(io).to_s); io.close', "true"],
    "hijacking twice is the same socket" => ['io.write(env["rack.hijack"].call.equal?(io).to_s); io.close', "true"],
    "addresses" => ['io.write([io.remote_address.ip_address, io.peeraddr(false)[3], io.local_address.ip_port == io.addr[1]].join(" ")); io.close',
                    "127.0.0.1 127.0.0.1 true"],
    "nothing to read yet" => ['io.write([io.read_nonblock(9, exception: false), io.wait_readable(0), IO.select([io], nil, nil, 0)].inspect); io.close',
                              "[:wait_readable, nil, nil]"],
    "socket options" => ["io.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1); io.write(io.getsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY).bool.to_s); io.close",
                         "true"]
  }
  apps = rows.transform_values { |app, _| "io = env['rack.hijack'].call; #{app}" }
  table = AppTable.new(
    {
      **apps,
      "echo" => 'io = env["rack.hijack"].call; io.write("ready "); Thread.new { io.write(io.readpartial(99)) until io.eof? rescue nil; io.close }; [-1, {}, []]',
      "sysread" => 'io = env["rack.hijack"].call; io.write("ready "); io.wait_readable(5); io.write(io.sysread(99)); io.close; [-1, {}, []]',
      "all" => 'input = env["rack.input"].read.bytesize; io = env["rack.hijack"].call; io.write("#{input} #{io.read}"); io.close; [-1, {}, []]',
      "later" => 'IO_QUEUE << env["rack.hijack"].call; [-1, {}, []]',
      "answer" => 'io = IO_QUEUE.pop; io.write("at last"); io.close; [200, {}, ["answered"]]',
      "big" => '[200, {}, ["b" * 3_000_000]]',
      "unhijacked" => "[-1, {}, []]",
      "unhijacked with headers" => '[-1, { "x-a" => "1" }, []]',
      "unhijacked with a body" => '[-1, {}, ["x"]]'
    }, prelude: "IO_QUEUE = Thread::Queue.new"
  )

  let(:server) { ServerProcess.shared(:full_hijack, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close unless sock.to_io.closed? }

  def get(path, version: "1.1") = "GET #{path} HTTP/#{version}\r\nHost: x\r\n\r\n"

  rows.each do |name, (_, wanted)|
    it name do
      sock.write(get(table.path(name)))
      sock.half_close if name.include?("close_write")
      expect(sock.read_to_end).to eq wanted
    end
  end

  it "H-02 an exception after the hijack is logged" do
    sock.write(get(table.path("H-02 an exception adds nothing")))
    server.wait_for_stderr(/Rack app \("GET \S+" - \(127\.0\.0\.1\)\): #<RuntimeError: after the hijack>/)
  end

  it "H-01 sysread takes what comes after the head" do
    sock.write(get(table.path("sysread")))
    sock.read_until("ready ")
    sock.write("later bytes")
    expect(sock.read_to_end).to eq "later bytes"
  end

  it "speaks both ways from another thread, long after app.call returned" do
    sock.write(get(table.path("echo")))
    sock.read_until("ready ")
    3.times do |i|
      sock.write("ping #{i}")
      sock.read_until("ping #{i}")
    end
    sock.half_close
    expect(sock).to be_closed
  end

  it "can be answered by another request, later" do
    sock.write(get(table.path("later")))
    expect(sock).to be_silent(0.1)
    expect(Http.get(server, table.path("answer")).body).to eq "answered"
    expect(sock.read_to_end).to eq "at last"
  end

  describe "H-09 unread bytes come first" do
    it "those behind the head in the same packet" do
      sock.write("#{get(table.path('echo'))}early ")
      sock.read_until("early ")
      sock.write("late")
      sock.read_until("late")
    end

    it "a pipelined request" do
      sock.write(get(table.path("all")) + get("/second"))
      sock.half_close
      expect(sock.read_to_end).to eq "0 #{get('/second')}"
    end

    it "those behind a body, which is in rack.input" do
      sock.write("#{upload(table.path('all'), 'b' * 1_000)}behind")
      sock.half_close
      expect(sock.read_to_end).to eq "1000 behind"
    end

    it "a lot of them" do
      sender = Thread.new { sock.write("#{get(table.path('all'))}#{'e' * 300_000}").half_close }
      expect(sock.tap { sender.join }.read_to_end).to eq "0 #{'e' * 300_000}"
    end
  end

  it "works on a connection that was used before" do
    2.times { expect(sock.request(get("/")).body).to eq "plain" }
    sock.write(get(table.path("the class")))
    expect(sock.read_to_end).to eq "TCPSocket true false"
  end

  it "a response still on its way is finished before the app gets the socket" do
    sock = server.connect(receive_buffer: 4_096)
    sock.write(get(table.path("big")) + get(table.path("the class")))
    expect(sock.read_response(limit: 20).body.bytesize).to eq 3_000_000
    expect(sock.read_to_end).to eq "TCPSocket true false"
  ensure
    sock&.close
  end

  it "another thread may wait for the socket when app.call, which got none, has returned" do
    server = serve(<<~'RUBY')
      run(lambda do |env|
        next [200, {}, ["x" * 3_000_000]] if env["PATH_INFO"] == "/big"

        Thread.new { env["rack.hijack"].call.then { |io| io.write(io.equal?(env["rack.hijack"].call)) && io.close } }
        Thread.pass until env["puma.socket"].closed?
        env["rack.hijack"].call rescue [-1, {}, []]
      end)
    RUBY
    sock = server.connect(receive_buffer: 4_096)
    sock.write(get("/big") + get("/"))
    expect(sock.read_response(limit: 20).body.bytesize).to eq 3_000_000
    expect(sock.read_to_end).to eq "true"
  ensure
    sock&.close
  end

  it "an old rack.hijack holds its young socket through collections, where nobody else does" do
    server = serve(<<~'RUBY')
      run(lambda do |env|
        hijack = env["rack.hijack"]
        5.times { GC.start }
        hijack.call
        env.delete("rack.hijack_io")
        20.times { 1_000.times { "x" * 50 }; GC.start(full_mark: false); GC.compact if GC.respond_to?(:compact) }
        hijack.write("kept")
        hijack.close
        [-1, {}, []]
      end)
    RUBY
    sock = server.connect
    expect(sock.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_to_end).to eq "kept"
  ensure
    sock&.close
  end

  it "works for HTTP/1.0" do
    sock.write(get(table.path("the class"), version: "1.0"))
    expect(sock.read_to_end).to eq "TCPSocket true false"
  end

  it "is a UNIXSocket on a Unix socket" do
    server = serve('run ->(env) { io = env["rack.hijack"].call; io.write(io.class.to_s); io.close; [-1, {}, []] }', bind: "unix://hijack.sock")
    sock = RawSocket.new(File.join(server.dir, "hijack.sock"))
    sock.write(get("/"))
    expect(sock.read_to_end).to eq "UNIXSocket"
  ensure
    sock&.close
  end

  it "H-03 status -1 without a hijack leaves the connection open and silent" do
    sock.write(get(table.path("unhijacked")))
    expect(sock).to be_silent(0.3)
    expect(Http.get(server, "/").body).to eq "plain"
  end

  ["unhijacked with headers", "unhijacked with a body"].each do |row|
    it "H-03 #{row} is a 500" do
      expect(sock.request(get(table.path(row))).status).to eq 500
    end
  end

  it "holds neither the pool thread nor a place among the server's connections" do
    server = serve(table.rackup, args: %w[-t 1:1 --set max_connections=3])
    socks = Array.new(6) { server.connect.write(get(table.path("later"))).tap { |sock| sock.silent?(0.05) } }
    6.times { expect(Http.get(server, table.path("answer")).body).to eq "answered" }
    expect(socks.map(&:read_to_end)).to all eq("at last")
  ensure
    socks&.each(&:close)
  end

  it "is not subject to the server's timeouts" do
    server = serve(table.rackup, args: %w[--set persistent_timeout=0.2 --set first_data_timeout=0.2 --set header_timeout=0.2 --set write_timeout=0.2])
    sock = server.connect.write(get(table.path("later")))
    expect(sock).to be_silent(1)
    Http.get(server, table.path("answer"))
    expect(sock.read_to_end).to eq "at last"
  end

  it "does not hold up the server's end" do
    server = serve(table.rackup)
    sock = server.connect.write(get(table.path("later")))
    expect(sock).to be_silent(0.1)
    server.signal("INT")
    expect(server.wait_exit).to be_success
  ensure
    sock&.close
  end
end
