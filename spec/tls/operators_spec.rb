# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "support/site"
require_relative "../support/cluster"
require_relative "../support/operator"

RSpec.describe "C-05, D-61: operators over TLS" do
  include Site

  hello = "run ->(_env) { [200, {}, ['hello']] }"
  ok = '{ "status": "ok" }'

  # Serves with an encrypted control app; its files are those of Site.
  def watched(app, *args, url: Site::ADDRESS, start: :serve, **)
    send(start, app, args: ["--control-url", url, "--control-token", "s3cret", "-S", "state", *args], files: certificates.files, **)
  end

  def control_port(server) = server.wait_for_stdout(%r{Starting control server on ssl://127\.0\.0\.1:(\d+)})[1].to_i

  def call(port, target, **options)
    TLSSocket.open(port, **trusting, **options) { |socket| socket.request("GET #{target} HTTP/1.1\r\nhost: x\r\n\r\n") }
  end

  def renew(server)
    renewed = certificates.server("renewed.example")
    File.write("#{server.dir}/site.crt", renewed.pem)
    File.write("#{server.dir}/site.key", renewed.key_pem)
    server.signal("HUP")
    server.wait_for_stdout(/Reloaded the certificates of ssl:/)
  end

  it "commands the server, and says goodbye" do
    server = watched(hello)
    port = control_port(server)
    expect(server.stdout).to include("* Starting control server on ssl://127.0.0.1:#{port}?cert=site.crt&key=site.key\n")
    expect(call(port, "/gc?token=s3cret").body).to eq(ok)
    expect(call(port, "/gc?token=no").status).to eq(403)
    expect(JSON.parse(call(port, "/stats?token=s3cret").body)).to include("max_threads" => 5)
    TLSSocket.open(port, **trusting) do |socket|
      socket.request("GET /gc?token=s3cret HTTP/1.1\r\n\r\n")
      expect([socket.closed?, socket.close_notify?]).to eq([true, true])
    end
  end

  it "takes ssl:// in activate_control_app and metrics, TLS 1.2 as well as 1.3" do
    config = "activate_control_app '#{Site::ADDRESS}', auth_token: 't'\nmetrics '#{Site::ADDRESS}'"
    server = serve(hello, files: certificates.files.merge("config/puma.rb" => config))
    metrics = server.wait_for_stdout(%r{Serving metrics on https://127\.0\.0\.1:(\d+)/metrics$})[1].to_i
    expect(call(metrics, "/metrics").body).to include("iodine_rs_info{")
    [OpenSSL::SSL::TLS1_2_VERSION, OpenSSL::SSL::TLS1_3_VERSION].each do |version|
      expect(call(control_port(server), "/gc?token=t", min_version: version, max_version: version).body).to eq(ok)
    end
  end

  { "--check" => %w[--check], "the start" => [] }.each do |name, args|
    %w[--control-url --metrics].each do |option|
      it "reads the certificate of #{option} at #{name}, and says whose is wrong" do
        url = "#{Site::ADDRESS}&ca=other.crt&verify_mode=peer"
        server = serve(hello, args: [option, url, *args], files: certificates.files, wait: false)
        expect(server.wait_exit.exitstatus).to eq(1)
        expect(server.stderr).to match(/\AERROR: #{option[2..].tr("-", "_")}: ssl: ca: No such file or directory .*other\.crt\n\z/)
        expect(serve(hello, args: [option, Site::ADDRESS, "--check"], files: certificates.files, wait: false).wait_exit.exitstatus).to eq(0)
      end
    end
  end

  it "asks clients for a certificate as an ssl:// bind does" do
    server = watched(hello, url: "#{Site::ADDRESS}&ca=ca.crt&verify_mode=force_peer")
    port = control_port(server)
    alice = certificates.client("alice")
    expect(call(port, "/gc?token=s3cret", cert: alice.certificate, key: alice.key).body).to eq(ok)
    TLSSocket.open(port, **trusting) { |socket| expect(socket.closed? && socket.alert).to match(/certificate required/) }
    server.wait_for_stderr(%r{SSL error on ssl://127\.0\.0\.1:#{port}: peer sent no certificates})
  end

  { "ssl://127.0.0.1:0?cert=none.crt&key=site.key" => "ssl: cert: No such file or directory",
    "ssl://127.0.0.1:0?cert=site.crt&key=other.key" => "cert and key: ",
    "ssl://127.0.0.1:0?cert=site.crt" => "ssl: cert and key (or cert_pem and key_pem) belong together",
    "ssl://127.0.0.1:0" => "ssl: name a certificate and its key",
    "ssl://127.0.0.1:0?cert=site.crt&key=site.key&verify_mode=peer" => "it needs ca, a file with the authorities",
    "ssl://127.0.0.1:0?cert=site.crt&key=site.key&tls=1" => "unknown parameter tls" }.each do |url, message|
    %w[--control-url --metrics].each do |option|
      it "X-04: does not start with #{option} #{url}" do
        other = certificates.server("other.example")
        server = serve(hello, args: [option, url], files: certificates.files.merge("other.key" => other.key_pem), wait: false)
        expect(server.wait_exit.exitstatus).to eq(1)
        expect(server.stderr).to include(message).and(satisfy { |text| !text.include?(".rb:") })
      end
    end
  end

  it "is not held up by handshakes that stop, trickle or lie, alone and in a master" do
    %i[serve cluster].each do |start|
      server = watched(hello, start:)
      port = control_port(server)
      stopped = Array.new(12) { RawSocket.new(port) }
      trickling = RawSocket.new(port).write("\x16\x03")
      lying = RawSocket.new(port).write("\x16\x03\x01\x00\x05garba")
      old = RawSocket.new(port).write(Site::TLS_1_1)
      expect(call(port, "/gc?token=s3cret").body).to eq(ok)
      expect(lying.read_to_end).to eq("")
      # A fatal alert: protocol_version (RFC 8446, section 6.2).
      expect(old.read_to_end.unpack("CnnCC")).to eq([21, 0x0303, 2, 2, 70])
      server.wait_for_stderr(%r{SSL error on ssl://127\.0\.0\.1:#{port}: })
      (stopped << trickling).each { |socket| expect(socket.read_to_end(limit: 10)).to eq("") }
      # One that goes on byte by byte has no more time than others.
      slow = TLSSocket.new(port, **trusting)
      started = Eventually.now
      "GET /gc?token=s3cret".each_char.cycle do |byte|
        slow.write(byte)
        break if slow.to_io.wait_readable(0.3)
      rescue Errno::EPIPE, Errno::ECONNRESET
        break
      end
      expect(Eventually.now - started).to be < 8
    end
  end

  it "answers plain HTTP in words" do
    server = watched(hello)
    answer = ask(control_port(server), "/stats?token=s3cret")
    expect([answer.status, answer.body]).to eq([400, "This address speaks TLS (SSL)"])
    expect(answer["connection"]).to eq("close")
  end

  it "goes on with what an operator asked before a worker was forked" do
    server = watched(hello, start: :cluster)
    port = control_port(server)
    socket = TLSSocket.new(port, **trusting)
    socket.write("GET /gc?tok")
    expect(ctl(server, "-S", "state", "worker-count-up").last).to eq(0)
    await_workers(server, 3)
    expect(socket.request("en=s3cret HTTP/1.1\r\n\r\n").body).to eq(ok)
    expect([socket.closed?, socket.close_notify?]).to eq([true, true])
  end

  it "T9: reads its certificate anew by HUP, which does not stop a server that has no other" do
    server = watched(hello)
    renew(server)
    shown = TLSSocket.open(control_port(server), **trusting) { |socket| socket.ssl.peer_cert.subject.to_s }
    expect(shown).to eq("/CN=renewed.example")
    expect(Http.get(server).body).to eq("hello")
  end

  it "S-05: is there again after a hot restart" do
    probe = TCPServer.new("127.0.0.1", 0)
    port = probe.local_address.ip_port
    probe.close
    server = watched(hello, url: Site::ADDRESS.sub(":0?", ":#{port}?"))
    expect(call(port, "/restart?token=s3cret").body).to eq(ok)
    server.wait_for_stdout(/Restarting\.\.\..*Use Ctrl-C/m)
    expect(call(port, "/gc?token=s3cret").body).to eq(ok)
  end

  describe "iodine-rs ctl" do
    it "asks by the state file, by URL and by the configuration file, as pumactl does" do
      config = "activate_control_app 'ssl://127.0.0.1:PORT?cert=site.crt&key=site.key', auth_token: 's3cret'"
      server = watched(hello)
      port = control_port(server)
      File.write("#{server.dir}/ctl.rb", config.sub("PORT", port.to_s))
      success = ["Command gc sent success\n", 0]
      expect(ctl(server, "-S", "state", "gc")).to eq(success)
      expect(ctl(server, "-C", "ssl://127.0.0.1:#{port}", "-T", "s3cret", "gc")).to eq(success)
      expect(ctl(server, "-C", "ssl://127.0.0.1:#{port}?cert=site.crt&key=site.key", "-T", "s3cret", "gc")).to eq(success)
      expect(ctl(server, "-F", "ctl.rb", "gc")).to eq(success)
      expect(ctl(server, "-S", "state", "status")).to eq(["iodine-rs is started\n", 0])
      expect(ctl(server, "-C", "ssl://127.0.0.1:#{port}", "-T", "wrong", "gc")).to eq(["Unauthorized access to server (wrong auth token)\n", 1])
    end

    it "verifies the server where the address names its authority" do
      server = watched(hello)
      url = "ssl://localhost:#{control_port(server)}"
      File.write("#{server.dir}/other.crt", Certificates.new("another authority").authority.pem)
      expect(ctl(server, "-C", "#{url}?ca=ca.crt", "-T", "s3cret", "gc").last).to eq(0)
      expect(ctl(server, "-C", "#{url}?ca=other.crt", "-T", "s3cret", "gc")).to match([/\ATLS: .*certificate verify failed/, 1])
      renew(server)
      expect(ctl(server, "-C", "#{url}?ca=ca.crt", "-T", "s3cret", "gc")).to match([/\ATLS: .*hostname/, 1])
    end

    it "shows a certificate where the server asks for one: named by options, or by the address that was typed" do
      pair = certificates.client("alice")
      pem = pair.key.private_to_pem(OpenSSL::Cipher.new("aes-256-cbc"), "secret")
      server = watched(hello, url: "#{Site::ADDRESS}&ca=ca.crt&verify_mode=force_peer")
      { "alice.crt" => pair.pem, "alice.key" => pair.key_pem, "locked.key" => pem }.each { |name, text| File.write("#{server.dir}/#{name}", text) }
      url = "ssl://localhost:#{control_port(server)}"
      success = ["Command gc sent success\n", 0]
      expect(ctl(server, "-S", "state", "--cert", "alice.crt", "--key", "alice.key", "gc")).to eq(success)
      expect(ctl(server, "-C", url, "-T", "s3cret", *%w[--ca ca.crt --cert alice.crt --key locked.key --key-password-command], "echo secret", "gc")).to eq(success)
      expect(ctl(server, "-C", "#{url}?ca=ca.crt&cert=alice.crt&key=alice.key", "-T", "s3cret", "gc")).to eq(success)
      expect(ctl(server, "-S", "state", "gc")).to match([/\ATLS: .*certificate required/, 1])
      expect(ctl(server, "-S", "state", "--cert", "alice.crt", "gc")).to eq(["A certificate and its key belong together: --cert FILE --key FILE\n", 1])
      expect(ctl(server, "-S", "state", "--cert", "alice.crt", "--key", "locked.key", "gc")).to match([/\AThe certificate or its key cannot be read: /, 1])
      expect(ctl(server, "-S", "state", "--cert", "none.crt", "--key", "alice.key", "gc")).to match([/\ANo such file or directory .*none\.crt/, 1])
    end

    it "says so where there is no TLS, or no answer" do
      server = serve(hello, args: %w[--control-url tcp://127.0.0.1:0 --control-token none])
      expect(ctl(server, "-C", "ssl://127.0.0.1:#{control(server)}", "stats")).to match([/\ATLS: /, 1])
    end

    pumactl = Gem::Specification.find_all_by_name("puma").first&.bin_file("pumactl")
    it "is not needed: the real pumactl commands the server", skip: pumactl.nil? && "puma is not installed" do
      server = watched(hello)
      output, = Open3.capture2e(RbConfig.ruby, "-e", "load ARGV.shift", pumactl, "-S", "state", "stop", chdir: server.dir)
      expect(output).to eq("Command stop sent success\n")
      expect(server.wait_exit.exitstatus).to eq(0)
    end
  end
end
