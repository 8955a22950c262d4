# frozen_string_literal: true

require "spec_helper"
require_relative "../tls/support/site"

RSpec.describe "D-14: set_remote_address proxy_protocol:" do
  include Site

  app = "run ->(env) { [200, {}, [env['REMOTE_ADDR']]] }"

  def config(version) = { "config/puma.rb" => "set_remote_address proxy_protocol: :#{version}" }

  def answer(server, header, request = get)
    socket = server.connect
    socket.offer(header.b + request)
    socket.read_response.body
  end

  def cut?(server, header)
    socket = server.connect
    socket.offer(header.b + get)
    socket.read_to_end.empty?
  end

  # A header of version 2: command and version, family and protocol, addresses.
  def v2(addresses, command: 0x21, family: 0x11, length: addresses.bytesize)
    "\r\n\r\n\0\r\nQUIT\n".b + [command, family, length].pack("CCn") + addresses
  end

  describe ":v1" do
    let(:server) { ServerProcess.shared(:proxy_v1, app:, files: config(:v1)) }

    {
      "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n" => "192.0.2.1",
      "PROXY TCP6 2001:db8::1 2001:db8::2 5000 443\r\n" => "2001:db8::1",
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n" =>
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      "PROXY UNKNOWN\r\n" => "127.0.0.1",
      "PROXY UNKNOWN what nobody reads\r\n" => "127.0.0.1",
      "PROXY UNKNOWN however many words there are of it\r\n" => "127.0.0.1",
      "" => "127.0.0.1"
    }.each do |header, address|
      it("#{header.inspect} is #{address}") { expect(answer(server, header)).to eq(address) }
    end

    it "holds for all requests of the connection, and a header behind the first is a malformed request" do
      socket = server.connect
      socket.write("PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n#{get * 2}")
      expect(Array.new(2) { socket.read_response.body }).to eq(%w[192.0.2.1 192.0.2.1])
      expect(socket.request("PROXY TCP4 192.0.2.9 198.51.100.1 5000 443\r\n#{get}").status).to eq(400)
    end

    it "may come byte by byte" do
      socket = server.connect
      "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n#{get}".each_char { |byte| socket.write(byte) }
      expect(socket.read_response.body).to eq("192.0.2.1")
    end

    it "does not take a header of version 2" do
      socket = server.connect
      socket.write(v2([192, 0, 2, 1, 198, 51, 100, 1, 80, 443].pack("C8n2")) + get)
      expect(socket.read_response.status).to eq(400)
    end

    [
      ["row 235: more than 107 bytes", "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443#{" " * 100}\r\n"],
      ["row 235: 107 bytes without an end", "PROXY UNKNOWN #{"x" * 200}"],
      ["an unknown family", "PROXY TCP5 192.0.2.1 198.51.100.1 5000 443\r\n"],
      ["no address", "PROXY TCP4\r\n"],
      ["a name for an address", "PROXY TCP4 localhost 198.51.100.1 5000 443\r\n"],
      ["a port that is none", "PROXY TCP4 192.0.2.1 198.51.100.1 70000 443\r\n"],
      ["a bare line feed", "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\n"],
      ["a bare line feed before the end, also in one piece", "PROXY UNKNOWN a\nb\r\n"],
      ["a bare line feed behind a blank", "PROXY UNKNOWN \n"],
      ["a port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.1 +5000 443\r\n"],
      ["binary", "PROXY \xff\xfe\r\n"]
    ].each do |name, header|
      it "closes the connection for #{name}" do
        own = serve(app, files: config(:v1))
        expect(cut?(own, header)).to be(true)
        own.wait_for_stderr(/PROXY protocol error, peer: 127\.0\.0\.1: /)
        expect(answer(own, "")).to eq("127.0.0.1")
      end
    end

    it "has the time of a head" do
      own = serve(app, files: config(:v1), args: %w[--set first_data_timeout=0.3])
      socket = own.connect
      socket.write("PROXY TCP4 ")
      expect(socket.closed?).to be(true)
      own.wait_for_stderr(/PROXY protocol error, peer: 127\.0\.0\.1: it came too slowly/)
    end

    it "comes before the handshake on an encrypted port" do
      own = serve_tls(app, files: config(:v1))
      socket = secure(own, before: "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n")
      expect(socket.request(get).body).to eq("192.0.2.1")
      expect(secure(own).request(get).body).to eq("127.0.0.1")
    end

    it "works on a Unix socket" do
      own = serve(app, files: config(:v1), bind: "unix://app.sock")
      socket = RawSocket.new("#{own.dir}/app.sock")
      expect(socket.request("PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n#{get}").body).to eq("192.0.2.1")
    end
  end

  describe ":v2 (which Puma has not)" do
    let(:server) { ServerProcess.shared(:proxy_v2, app:, files: config(:v2)) }
    let(:ipv4) { [192, 0, 2, 1, 198, 51, 100, 1, 5000, 443].pack("C8n2") }
    let(:ipv6) { [0x2001, 0xdb8, *[0] * 5, 1, 0x2001, 0xdb8, *[0] * 5, 2, 5000, 443].pack("n18") }

    it("has IPv4") { expect(answer(server, v2(ipv4))).to eq("192.0.2.1") }
    it("has IPv6") { expect(answer(server, v2(ipv6, family: 0x21))).to eq("2001:db8::1") }
    it("may have more behind the addresses") { expect(answer(server, v2(ipv4 + "\x04\x00\x02hi".b))).to eq("192.0.2.1") }
    it("may speak for the proxy itself") { expect(answer(server, v2("", command: 0x20, family: 0))).to eq("127.0.0.1") }
    it("may name a Unix socket") { expect(answer(server, v2("\0" * 216, family: 0x31))).to eq("127.0.0.1") }
    it("may be missing") { expect(answer(server, "")).to eq("127.0.0.1") }

    it "comes before the handshake on an encrypted port" do
      own = serve_tls(app, files: config(:v2))
      expect(secure(own, before: v2(ipv4)).request(get).body).to eq("192.0.2.1")
    end

    { "another version" => { command: 0x31 }, "an unknown command" => { command: 0x22 }, "an unknown family" => { family: 0x51 },
      "addresses that are too short" => { length: 4 } }.each do |name, change|
      it "closes the connection for #{name}" do
        own = serve(app, files: config(:v2))
        expect(cut?(own, v2(ipv4, **change))).to be(true)
        own.wait_for_stderr(/PROXY protocol error, peer: 127\.0\.0\.1: /)
      end
    end

    it "closes the connection for a header that would be too long" do
      own = serve(app, files: config(:v2))
      expect(cut?(own, v2(ipv4, length: 60_000))).to be(true)
      own.wait_for_stderr(/PROXY protocol error, peer: 127\.0\.0\.1: it is too long/)
      expect(cut?(own, v2(ipv4 + ("\0" * 4_100)))).to be(true)
    end
  end

  [[], %w[--set remote_address=proxy_protocol:v1]].each do |args|
    it "says what has come where a header of version 2 is not expected (#{args.join(" ")})" do
      server = serve(app, args:)
      socket = server.connect
      socket.offer(v2("\0" * 12) + get)
      expect(socket.read_response.status).to eq(400)
      server.wait_for_stderr(/400 PROXY header of version 2, which is not expected \(set_remote_address\)/)
    end
  end

  it "takes no other version" do
    server = serve(app, files: config(:v3), wait: false)
    server.wait_exit
    expect(server.stderr).to include('remote_address: "proxy_protocol:v3" is not accepted; it takes socket, header:NAME, proxy_protocol:v1')
  end
end
