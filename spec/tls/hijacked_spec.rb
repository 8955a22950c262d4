# frozen_string_literal: true

require "spec_helper"
require_relative "support/site"

RSpec.describe "H-01: a hijacked connection over TLS" do
  include Site

  # What libraries ask a socket for.
  addresses = <<~'RUBY'
    ASK = lambda do |io|
      [io.peeraddr, io.peeraddr(false), io.peeraddr(:numeric), io.addr, io.remote_address.inspect_sockaddr, io.local_address.inspect_sockaddr,
       io.remote_address.ip?, io.remote_address.ip_address, Socket.unpack_sockaddr_in(io.getpeername), Socket.unpack_sockaddr_in(io.getsockname),
       io.connect_address.inspect_sockaddr, io.do_not_reverse_lookup]
    end
    ASKED = Thread::Queue.new
    PATHS = {
      "/addresses" => ->(io) { io.write(ASK.call(io).inspect); io.close },
      "/named" => ->(io) { io.write([io.peeraddr(true)[2], io.peeraddr(:hostname)[2]].inspect); io.close },
      "/options" => lambda do |io|
        io.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 0)
        off = io.getsockopt(:TCP, :NODELAY).int
        io.setsockopt(:TCP, :NODELAY, true)
        io.setsockopt(Socket::Option.bool(:INET, :SOCKET, :KEEPALIVE, true))
        state = io.getsockopt(:TCP, :INFO).data.unpack1("C")
        io.write([off, io.getsockopt(:TCP, :NODELAY).bool, io.getsockopt(:SOCKET, :KEEPALIVE).bool, io.getsockopt(:SOCKET, :TYPE).int, state].inspect)
        io.close
      end,
      "/copy" => lambda do |io|
        io.dup.close
        io.setsockopt(:TCP, :NODELAY, false)
        io.write(io.getsockopt(:TCP, :NODELAY).bool.inspect)
        io.close
      end,
      "/kind" => ->(io) { io.write([io.is_a?(UNIXSocket), io.is_a?(IO), io.inspect.include?("Encrypted")].inspect); io.close },
      "/stay" => ->(io) { io.write("first "); Thread.new { sleep 0.01 until File.exist?("go"); io.write("last"); File.write("written", "") } },
      "/wait" => ->(io) { io.write("here"); ASKED << io }
    }.freeze
    run ->(env) { io = env["rack.hijack"].call; PATHS.fetch(env["PATH_INFO"]).call(io); [-1, {}, []] }
  RUBY

  # What the app tells, over TLS and without.
  def told(client, path) = client.write(get(path)).read_to_end

  it "has the addresses that a plain one has" do
    server = serve_tls(addresses, args: %w[-b tcp://127.0.0.1:0])
    plain = server.stdout[%r{Listening on http://127\.0\.0\.1:(\d+)}, 1].to_i
    encrypted, open = secure(server), RawSocket.new(plain)
    shown = [[encrypted, server.port], [open, plain]].map do |client, port|
      told(client, "/addresses").gsub(client.to_io.local_address.ip_port.to_s, "CLIENT").gsub(port.to_s, "SERVER")
    end
    expect(shown.first).to eq(shown.last).and start_with('[["AF_INET", CLIENT, "127.0.0.1", "127.0.0.1"]')
  end

  it "has IPv6 addresses", skip: Socket.ip_address_list.none?(&:ipv6_loopback?) && "no IPv6 here" do
    server = serve_tls(addresses, bind: "ssl://[::1]:0?cert=site.crt&key=site.key", args: %w[-b tcp://[::1]:0])
    plain = server.stdout[%r{Listening on http://\[::1\]:(\d+)}, 1].to_i
    port = server.stdout[%r{Listening on ssl://\[::1\]:(\d+)}, 1].to_i
    clients = [[TLSSocket.new(port, host: "::1", **trusting), port], [RawSocket.new(plain, host: "::1"), plain]]
    shown = clients.map do |client, number|
      told(client, "/addresses").gsub(client.to_io.local_address.ip_port.to_s, "CLIENT").gsub(number.to_s, "SERVER")
    end
    expect(shown.first).to eq(shown.last).and start_with('[["AF_INET6", CLIENT, "::1", "::1"]')
  end

  it "names hosts where that is asked for" do
    server = serve_tls(addresses)
    name = Addrinfo.tcp("127.0.0.1", 1).getnameinfo.first
    expect(told(secure(server), "/named")).to eq([name, name].inspect)
  end

  it "has the address of the proxy, as a plain one, where there is a PROXY header" do
    server = serve_tls(addresses, args: %w[--set remote_address=proxy_protocol:v1])
    client = secure(server, before: "PROXY TCP4 203.0.113.7 203.0.113.8 1234 443\r\n")
    expect(told(client, "/addresses")).to start_with(%([["AF_INET", #{client.to_io.local_address.ip_port}, "127.0.0.1"))
  end

  it "has the options of the connection with the client" do
    client = secure(serve_tls(addresses))
    established = 1
    expect(told(client, "/options")).to eq([0, true, true, Socket::SOCK_STREAM, established].inspect)
    expect(client.close_notify?).to be(true)
  end

  it "keeps them when a copy of it is closed" do
    expect(told(secure(serve_tls(addresses)), "/copy")).to eq("false")
  end

  it "is still a UNIXSocket" do
    expect(told(secure(serve_tls(addresses)), "/kind")).to eq("[true, true, true]")
  end

  it "that could not be made leaves no descriptor with two owners" do
    server = serve_tls(<<~'RUBY')
      class << Addrinfo
        def tcp(*) = raise(Interrupt, "by somebody, between two steps")
      end
      run(lambda do |env|
        next [200, {}, ["served"]] unless env["PATH_INFO"] == "/take"

        begin
          env["rack.hijack"].call
        rescue Interrupt
          files = Array.new(20) { File.open(File::NULL) }
          GC.start
          File.write("told", files.map { |file| file.stat && :open rescue $!.class }.uniq.join(" "))
        end
        [-1, {}, []]
      end)
    RUBY
    secure(server).write(get("/take"))
    expect(eventually { (text = File.read("#{server.dir}/told") rescue nil) && !text.empty? && text }).to eq("open")
    expect(secure(server).write(get("/")).read_until("served")).to start_with("HTTP/1.1 200 OK")
  end

  %w[INT TERM].each do |signal|
    it "T7: ends with a goodbye when the server has drained (#{signal})" do
      server = serve_tls(addresses)
      client = secure(server)
      client.write(get("/wait")).read_until("here")
      server.signal(signal)
      server.wait_exit
      expect([client.closed?, client.close_notify?]).to eq([true, true])
    end
  end

  it "T7: ends with a goodbye, after what the app has written, when the server halts" do
    server = serve_tls(addresses)
    client = secure(server)
    client.write(get("/stay")).read_until("first ")
    File.write("#{server.dir}/go", "")
    eventually { File.exist?("#{server.dir}/written") }
    server.signal("QUIT")
    expect([client.read_to_end, client.close_notify?]).to eq(["last", true])
  end

  it "T7: ends with a goodbye when a worker is replaced" do
    server = serve_tls(addresses, args: %w[-w 1 --set preload_app=false])
    server.wait_for_stdout(/Worker 0 .* booted/)
    client = secure(server)
    client.write(get("/wait")).read_until("here")
    server.signal("USR1")
    expect([client.closed?(limit: 15), client.close_notify?]).to eq([true, true])
  end
end
