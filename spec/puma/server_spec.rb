# frozen_string_literal: true

require "spec_helper"
require "tmpdir"
require "iodine_rs"
require_relative "../tls/support/site"

# The server that gems' specs and test tools start inside their own process.
RSpec.describe IodineRs::Puma::Server do
  after { @server&.stop(true) }

  def serving(app = ->(_env) { [200, {}, ["hello"]] }, events: nil, **options)
    @server = described_class.new(app, events, log_writer: IodineRs::Puma::LogWriter.strings, **options)
  end

  it "G-04: serves on a port and says which" do
    server = serving(min_threads: 1, max_threads: 4)
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    expect(server.run).to be_a(Thread)
    expect(server.connected_ports).to eq([port])
    expect(Http.get(port).body).to eq("hello")
    expect([server.max_threads, server.requests_count, server.backlog]).to eq([4, 1, 0])
  end

  it "G-04: serves on a Unix socket" do
    Dir.mktmpdir do |dir|
      server = serving
      server.add_unix_listener("#{dir}/s")
      server.run
      socket = UNIXSocket.new("#{dir}/s")
      socket.write("GET / HTTP/1.0\r\n\r\n")
      expect(socket.read).to end_with("hello")
      server.stop(true)
      expect(File.exist?("#{dir}/s")).to be(false)
    end
  end

  it "G-04: stop(true) finishes what has begun, and its thread ends" do
    inside, go = Thread::Queue.new, Thread::Queue.new
    server = serving(lambda { |_env|
      inside << true
      go.pop
      [200, {}, ["done"]]
    })
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    thread = server.run
    response = Thread.new { Http.get(port) }
    inside.pop
    stopping = Thread.new { server.stop(true) }
    eventually { server.shutting_down? }
    go << true
    expect(response.value.body).to eq("done")
    stopping.join
    expect(thread).not_to be_alive
    expect { TCPSocket.new("127.0.0.1", port) }.to raise_error(Errno::ECONNREFUSED)
  end

  it "G-04: takes another app while it runs" do
    server = serving
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    server.run
    expect(Http.get(port).body).to eq("hello")
    server.app = ->(_env) { [200, {}, ["another"]] }
    expect(Http.get(port).body).to eq("another")
  end

  it "G-04: halt ends it at once" do
    inside = Thread::Queue.new
    server = serving(lambda { |_env|
      inside << true
      sleep
    })
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    server.run
    RawSocket.new(port).write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    inside.pop
    server.halt(true)
    expect(server.thread).not_to be_alive
  end

  it "5.3: takes addresses from `binder.parse`, and tells its log" do
    server = serving
    server.binder.parse(["tcp://127.0.0.1:0"], server.log_writer)
    server.run
    expect(server.log_writer.stdout.string).to match(%r{\* Listening on http://127.0.0.1:\d+})
    expect(Http.get(server.connected_ports.first).body).to eq("hello")
  end

  it "G-03: tells its events" do
    states = []
    events = IodineRs::Puma::Events.new
    events.register(:state) { |state| states << state }
    server = serving(events:)
    server.add_tcp_listener("127.0.0.1", 0)
    server.run
    server.stop(true)
    expect(states).to eq(%i[booting running stop done])
  end

  it "leaves the signals to the program, and there may be several" do
    before = trap("INT", "DEFAULT").tap { |handler| trap("INT", handler) }
    servers = Array.new(2) { serving.tap { |server| server.add_tcp_listener("localhost", 0); server.run } }
    expect(servers.map { |server| Http.get(server.connected_ports.first).body }).to eq(%w[hello hello])
    expect(trap("INT", "DEFAULT").tap { |handler| trap("INT", handler) }).to eq(before)
  ensure
    servers&.each { |server| server.stop(true) }
  end

  describe "RR-05, B-04: add_ssl_listener" do
    include Site

    let(:context) { IodineRs::Puma::MiniSSL::Context.new }
    let(:peercert) { ->(env) { [200, {}, [env.values_at("HTTPS", "rack.url_scheme").inspect, env["puma.peercert"]&.subject.to_s]] } }

    # A directory with the files of a certificate, and the context that has them.
    around do |example|
      Dir.mktmpdir do |dir|
        certificates.files.each { |name, text| File.write("#{dir}/#{name}", text) }
        @dir = dir
        example.run
      end
    end

    def with_files
      context.tap { |one| one.cert, one.key = "#{@dir}/site.crt", "#{@dir}/site.key" }
    end

    def listening(app = peercert, host: "127.0.0.1")
      serving(app).tap { |server| @port = server.add_ssl_listener(host, 0, context).addr[1] }.run
    end

    def client(**) = TLSSocket.new(@port, **trusting, **)

    it "serves by files" do
      with_files
      listening
      expect(client.request(get).body).to eq('["https", "https"]')
      expect(@server.connected_ports).to eq([@port])
      @server.stop(true)
      expect { TCPSocket.new("127.0.0.1", @port) }.to raise_error(Errno::ECONNREFUSED)
    end

    it "serves by texts, on localhost, with an encrypted key" do
      pair = certificates.server
      context.cert_pem = pair.pem
      context.key_pem = pair.key.private_to_pem(OpenSSL::Cipher.new("aes-256-cbc"), "secret word")
      context.key_password_command = "echo secret word"
      listening(host: "localhost")
      expect(client.request(get).status).to eq(200)
    end

    it "demands certificates, or verifies those that are shown" do
      alice = certificates.client("alice")
      with_files.ca = "#{@dir}/ca.crt"
      context.verify_mode = IodineRs::Puma::MiniSSL::VERIFY_PEER
      listening
      expect(client(cert: alice.certificate, key: alice.key).request(get).body).to end_with("/CN=alice")
      expect(client.request(get).status).to eq(200)
      @server.stop(true)
      context.verify_mode = IodineRs::Puma::MiniSSL::VERIFY_PEER | IodineRs::Puma::MiniSSL::VERIFY_FAIL_IF_NO_PEER_CERT
      listening
      expect(client(cert: alice.certificate, key: alice.key).request(get).body).to end_with("/CN=alice")
      client.then { |stranger| expect(stranger.closed? && stranger.alert).to match(/certificate required/) }
    end

    it "takes what is always so, and says what OpenSSL's lists mean here" do
      with_files.no_tlsv1 = true
      context.no_tlsv1_1 = "true"
      context.reuse = "1000,60"
      context.ssl_cipher_filter = "HIGH"
      context.ssl_ciphersuites = "TLS_AES_128_GCM_SHA256"
      context.verification_flags = IodineRs::Puma::MiniSSL::VERIFICATION_FLAGS.fetch("TRUSTED_FIRST")
      listening
      expect(client.ssl.cipher.first).to eq("TLS_AES_128_GCM_SHA256")
      expect(@server.log_writer.stdout.string).to include("* ssl_cipher_filter: OpenSSL's lists are not read")
    end

    it "raises with advice for what it cannot do" do
      expect { context.cert = "#{@dir}/none" }.to raise_error(ArgumentError, "Cert file '#{@dir}/none' does not exist")
      expect { context.cert_pem = 1 }.to raise_error(ArgumentError, "'cert_pem' is not a String")
      expect { listening }.to raise_error("Key not configured")
      File.write("#{@dir}/other.key", certificates.server("other.example").key_pem)
      with_files.key = "#{@dir}/other.key"
      expect { listening }.to raise_error(IodineRs::Puma::MiniSSL::SSLError, /cert and key: /)
      with_files.verify_mode = 9
      expect { listening }.to raise_error(ArgumentError, /verify_mode 9 is not accepted; it takes VERIFY_NONE/)
      context.verify_mode = 1
      expect { listening }.to raise_error(IodineRs::ConfigError, /it needs ca/)
      context.verify_mode = 0
      context.verification_flags = 4
      expect { listening }.to raise_error(IodineRs::ConfigError, /"CRL_CHECK" is not accepted; rustls does not check that/)
      context.verification_flags = 1
      expect { listening }.to raise_error(ArgumentError, /verification_flags 1 is not accepted/)
      context.verification_flags = nil
      @server = serving
      expect { @server.add_ssl_listener("127.0.0.1", 0, nil) }.to raise_error(IodineRs::ConfigError, /name a certificate and its key/)
    end

    it "is there by Puma's name, and file" do
      script = 'require "puma/minissl"; p Puma::MiniSSL::Context.new.no_tlsv1, Puma::Server.method_defined?(:add_ssl_listener)'
      lib = File.expand_path("../../lib", __dir__)
      env = { "GEM_HOME" => @dir, "GEM_PATH" => @dir }
      output = IO.popen([env, RbConfig.ruby, "-I#{lib}", "-e", script, { err: %i[child out] }], &:read)
      expect(output).to eq("false\ntrue\n")
    end
  end
end
