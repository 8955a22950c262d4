# frozen_string_literal: true

require "spec_helper"
require_relative "support/site"

RSpec.describe "B-04: TLS handshakes" do
  include Site

  hello = "run ->(_env) { [200, {}, ['hello']] }"

  let(:server) { ServerProcess.shared(:tls_hello, app: hello, files: Certificates.shared.files, bind: Site::ADDRESS) }

  def served?(server) = secure(server).request(get).body == "hello"

  # Lines that the block has added to the log; a connection that is served by the end stands for the rest of them.
  def logged(server)
    before = server.stderr.size
    yield
    served?(server)
    server.stderr[before..].lines
  end

  { "TLS 1.3" => :TLS1_3, "TLS 1.2" => :TLS1_2 }.each do |name, version|
    it "speaks #{name}" do
      socket = secure(server, min_version: OpenSSL::SSL.const_get("#{version}_VERSION"), max_version: OpenSSL::SSL.const_get("#{version}_VERSION"))
      expect(socket.request(get).body).to eq("hello")
      expect(socket.ssl.ssl_version.tr(".", "_")).to eq("TLSv#{version[3..]}".sub("_0", ""))
    end
  end

  it "T1: refuses TLS 1.1 with an alert, and says what it speaks" do
    own = serve_tls(hello)
    socket = own.connect.write(Site::TLS_1_1)
    # A fatal alert: protocol_version (RFC 8446, section 6.2).
    expect(socket.read_to_end.unpack("CnnCC")).to eq([21, 0x0303, 2, 2, 70])
    own.wait_for_stderr(/SSL error, peer: 127\.0\.0\.1: peer is incompatible: .*; TLS 1\.2 and 1\.3 are spoken here$/)
  end

  it "T3: chooses http/1.1 by ALPN, and says so where a client takes something else only" do
    expect(secure(server, alpn_protocols: %w[h2 http/1.1]).ssl.alpn_protocol).to eq("http/1.1")
    expect { secure(server, alpn_protocols: %w[h2]) }.to raise_error(OpenSSL::SSL::SSLError, /no application protocol/)
  end

  it "T5: renegotiates nothing, and goes on with others" do
    IO.popen(["openssl", "s_client", "-msg", "-tls1_2", "-connect", "127.0.0.1:#{server.port}", { err: %i[child out] }], "r+") do |client|
      client.puts("R")
      # 100, a warning: no_renegotiation (RFC 5746, section 4.5).
      expect(Timeout.timeout(5) { client.each_line.find { |line| line.match?(/no_renegotiation|no renegotiation/) } }).to be_a(String)
    ensure
      Process.kill("KILL", client.pid)
    end
    expect(served?(server)).to be(true)
  end

  it "T4: shows its certificate whatever name is asked for" do
    expect(secure(server, name: "other.example").ssl.peer_cert.subject.to_s).to eq("/CN=localhost")
  end

  it "T1: answers plain HTTP in words, with one line in the log" do
    own = serve_tls(hello)
    lines = logged(own) do
      answer = own.connect.request(get)
      expect([answer.status, answer["content-type"], answer["connection"]]).to eq([400, "text/plain", "close"])
      expect(answer.body).to eq("This port speaks TLS (SSL): its URLs begin with https://\n")
    end
    expect(lines).to contain_exactly(/SSL error, peer: 127\.0\.0\.1: not a TLS handshake. Are you trying to speak plain HTTP to a TLS \(SSL\) port\?/)
  end

  it "T1: is not impressed by garbage, and says no more than one line a second" do
    own = serve_tls(hello)
    lines = logged(own) do
      30.times do |n|
        socket = own.connect
        socket.offer(n.odd? ? "\x16\x03\x01\x00\x05garba" : "\x80\x2e\x01\x00\x02\x00\x15")
        socket.closed?
      end
    end
    expect(lines.size).to be_between(1, 3)
    expect(lines).to all(match(/\A\S+ \S+ \S+ SSL error, peer: 127\.0\.0\.1: /))
  end

  it "says nothing of clients that only look whether the port is open" do
    lines = logged(server) { 5.times { server.connect.close } }
    expect(lines).to be_empty
  end

  it "row 234: T2: ends a handshake that does not, and lets others through meanwhile" do
    own = serve_tls(hello, args: %w[--set tls_handshake_timeout=0.5])
    silent, slow = Array.new(2) { own.connect }
    slow.write("\x16\x03\x01")
    expect(served?(own)).to be(true)
    expect([silent.closed?, slow.closed?]).to eq([true, true])
    own.wait_for_stderr(/SSL error, peer: 127\.0\.0\.1: the handshake took longer than tls_handshake_timeout/)
  end

  it "row 233: 200 idle encrypted connections cost little, and others are served" do
    rss = -> { File.read("/proc/#{server.pid}/status")[/VmRSS:\s+(\d+)/, 1].to_i }
    served?(server)
    before = rss.call
    idle = Array.new(200) { secure(server) }
    expect(served?(server)).to be(true)
    expect((rss.call - before) / idle.size).to be < 64
    idle.each(&:close)
  end

  it "does not wait for a handshake that has not begun when it stops" do
    own = serve_tls(hello)
    own.connect
    expect(served?(own)).to be(true)
    own.signal("TERM")
    expect(own.wait_exit.termsig).to eq(15)
  end

  it "T10, T12: resumes a session, in every worker" do
    own = serve_tls(hello, args: %w[-w 2])
    first = secure(own)
    first.request(get)
    session = first.ssl.session
    reused = Array.new(8) do
      socket = secure(own, session:)
      socket.request(get) && socket.ssl.session_reused?
    end
    expect(reused).to all(be(true))
  end

  it "does not resume where reuse is off" do
    own = serve_tls(hello, bind: "#{Site::ADDRESS}&reuse=off")
    first = secure(own)
    first.request(get)
    second = secure(own, session: first.ssl.session)
    second.request(get)
    expect(second.ssl.session_reused?).to be(false)
  end

  # What openssl's client says when it was told these words.
  def openssl(server, words, *options)
    IO.popen(["openssl", "s_client", "-connect", "127.0.0.1:#{server.port}", "-ign_eof", *options, { err: %i[child out] }], "r+") do |client|
      client.write(words)
      client.close_write
      client.read
    end
  end

  it "T5: does not renegotiate" do
    own = serve_tls(hello, args: %w[--set first_data_timeout=1])
    IO.popen(["openssl", "s_client", "-connect", "127.0.0.1:#{own.port}", "-tls1_2", { err: %i[child out] }], "r+") do |client|
      client.write("R\n")
      expect(client.read).to include("RENEGOTIATING").and match(/no renegotiation|alert/i)
    end
    expect(served?(own)).to be(true)
  end

  it "T6: takes no early data" do
    Dir.mktmpdir do |directory|
      request = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
      openssl(server, request, "-tls1_3", "-sess_out", "#{directory}/session")
      File.write("#{directory}/early", request)
      output = openssl(server, request, "-tls1_3", "-sess_in", "#{directory}/session", "-early_data", "#{directory}/early")
      expect(output).to include("HTTP/1.1 200 OK").and match(/Early data was (not sent|rejected)|No early data|early_data|Max Early Data: 0/i)
      expect(output.scan("200 OK").size).to eq(1)
    end
  end

  it "serves openssl's own client" do
    output = IO.popen(["openssl", "s_client", "-connect", "127.0.0.1:#{server.port}", "-CAfile", "#{server.dir}/ca.crt", "-ign_eof",
                       { err: File::NULL }], "r+") do |client|
      client.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
      client.read
    end
    expect(output).to include("Verify return code: 0 (ok)", "HTTP/1.1 200 OK", "hello")
  end
end
