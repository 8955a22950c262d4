# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# Addresses by Puma's rows (§3.9), as a client and the file system see them.
RSpec.describe "Sockets" do
  app = 'run ->(env) { [200, {}, [env.values_at("SERVER_PORT", "REMOTE_ADDR").inspect]] }'

  define_method(:listening) { |*addresses, **options| serve(app, bind: nil, args: addresses.flat_map { |address| ["-b", address] }, **options) }

  def lines(server) = server.stdout.scan(/^(?:\[\d+\] )?\* Listening on (\S+)$/).flatten

  def get(target, **) = RawSocket.new(target, **).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n")

  # Of the listening sockets in the server's process: the length of their queues (tcpi_sacked), and TCP_NODELAY.
  queues = <<~'RUBY'
    run lambda { |_env|
      sockets = ObjectSpace.each_object(TCPServer).reject(&:closed?).sort_by { |socket| socket.local_address.ip_port }
      [200, {}, [sockets.map { |socket| socket.getsockopt(:TCP, :INFO).data.unpack1("@28L") }.inspect]]
    }
  RUBY

  ipv6 = begin
    TCPServer.new("::1", 0).close.nil?
  rescue SystemCallError
    false
  end

  it "B-01: port 0 is a free port, which the log tells" do
    server = listening("tcp://127.0.0.1:0")
    expect(lines(server)).to match([%r{\Ahttp://127\.0\.0\.1:[1-9]\d*\z}])
    expect(get(server.port).status).to eq(200)
  end

  it "B-01: localhost is every loopback address, on one port" do
    server = listening("tcp://localhost:0")
    hosts = lines(server).map { |line| line[%r{\Ahttp://(\S+):#{server.port}\z}, 1].delete("[]") }
    expect(hosts).to contain_exactly("127.0.0.1", *("::1" if ipv6))
    hosts.each { |host| expect(get(server.port, host:).status).to eq(200) }
  end

  it "B-01: an IPv6 address stands in brackets", if: ipv6 do
    server = listening("tcp://[::1]:0")
    expect(lines(server)).to match([%r{\Ahttp://\[::1\]:\d+\z}])
    expect(get(server.port, host: "::1").body).to include("::1")
  end

  it "B-01: backlog is the length of the queue, low_latency is accepted" do
    server = serve(queues, bind: nil, args: %w[-b tcp://127.0.0.1:0?backlog=7 -b tcp://127.0.0.1:0?low_latency=true])
    most = [1024, Integer(File.read("/proc/sys/net/core/somaxconn"))].min
    expect(Http.get(server).body.scan(/\d+/).map(&:to_i)).to contain_exactly(7, most)
  end

  it "B-01, X-04: a port that is taken ends the boot" do
    server = listening("tcp://127.0.0.1:0")
    other = listening("tcp://127.0.0.1:#{server.port}", wait: false)
    expect([other.wait_exit.exitstatus, other.stderr]).to match([1, /127\.0\.0\.1:#{server.port}/])
  end

  it "B-01: the port of a server that has just ended can be had at once" do
    server = listening("tcp://127.0.0.1:0")
    port = server.port
    get(port)
    server.signal("INT")
    server.wait_exit
    expect(get(listening("tcp://127.0.0.1:#{port}").port).status).to eq(200)
  end

  it "B-02: umask, mode and a space in the name" do
    server = listening("unix://s1?umask=0117", "unix://s2?mode=0700", "unix://s%203")
    expect(%w[s1 s2].map { |name| File.stat("#{server.dir}/#{name}").mode & 0o777 }).to eq([0o660, 0o700])
    expect(get("#{server.dir}/s 3").body).to eq('["80", "127.0.0.1"]')
  end

  it "B-02: the socket of a living server is not taken" do
    server = listening("unix://s")
    other = listening("unix://#{server.dir}/s", wait: false)
    expect([other.wait_exit.exitstatus, other.stderr]).to match([1, %r{#{server.dir}/s}])
    expect(get("#{server.dir}/s").status).to eq(200)
  end

  it "B-02: the socket of a dead server is replaced" do
    server = listening("unix://s")
    server.signal("KILL")
    server.wait_exit
    path = "#{server.dir}/s"
    expect(File.socket?(path)).to be(true)
    other = listening("unix://#{path}")
    expect(get(path).status).to eq(200)
    other.signal("INT")
    other.wait_exit
  end

  it "B-02: the socket goes at the end" do
    server = listening("unix://s")
    server.signal("INT")
    server.wait_exit
    expect(File.exist?("#{server.dir}/s")).to be(false)
  end

  it "B-03: a name in Linux' abstract namespace" do
    server = listening("unix://@iodine-rs-spec-#{Process.pid}")
    expect(lines(server)).to eq(["unix://@iodine-rs-spec-#{Process.pid}"])
    expect(get("\0iodine-rs-spec-#{Process.pid}").status).to eq(200)
  end

  it "B-05, B-07: several of them, each told, each with its own env" do
    server = listening("tcp://127.0.0.1:0", "unix://s", "tcp://127.0.0.1:0")
    expect(lines(server)).to match([/\Ahttp:/, "unix://s", /\Ahttp:/])
    expect([get(server.port), get("#{server.dir}/s")].map(&:body)).to eq(['["80", "127.0.0.1"]'] * 2)
  end
end
