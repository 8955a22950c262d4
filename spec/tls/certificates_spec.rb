# frozen_string_literal: true

require "spec_helper"
require_relative "support/site"
require_relative "../support/cluster"

RSpec.describe "B-04: certificates" do
  include Site

  hello = "run ->(env) { [200, {}, [env['puma.peercert'].class.to_s, ' ', env['puma.peercert']&.subject.to_s]] }"

  def shown(server, **options) = TLSSocket.new(server.port, **options).ssl.peer_cert

  def of(pair) = { cert: pair.certificate, key: pair.key }

  # Under TLS 1.3 the client learns of it with the first bytes that it reads.
  def turned_away?(server, **options)
    socket = secure(server, **options)
    socket.write(get)
    socket.closed? && socket.alert
  rescue OpenSSL::SSL::SSLError, Errno::EPIPE, Errno::ECONNRESET => error
    error.message
  end

  # The server's last words where it does not start.
  def refusal(app, **)
    server = serve_tls(app, wait: false, **)
    server.wait_exit
    server.stderr
  end

  describe "D-03: ssl_bind" do
    def configured(words, files: {})
      serve("run ->(_env) { [200, {}, ['hello']] }", bind: nil, files: certificates.files.merge("config/puma.rb" => words, **files))
    end

    it "takes files" do
      server = configured("ssl_bind '127.0.0.1', '0', { cert: 'site.crt', key: 'site.key', verify_mode: 'none', no_tlsv1_1: true }")
      expect(secure(server).request(get).body).to eq("hello")
      expect(server.stdout).to match(%r{\* Listening on ssl://127\.0\.0\.1:\d+\?cert=site\.crt&key=site\.key&verify_mode=none&no_tlsv1_1=true\n})
    end

    it "takes PEM, which is printed nowhere" do
      server = configured("ssl_bind '127.0.0.1', 0, cert_pem: File.read('site.crt'), key_pem: File.read('site.key'), reuse: { size: 2_000 }")
      expect(secure(server).request(get).body).to eq("hello")
      expect(server.stdout).to match(%r{\* Listening on ssl://127\.0\.0\.1:\d+\?reuse=})
      expect(server.stdout).not_to include("BEGIN")
    end

    it "takes the default file of Puma's own documentation, with a word about each list of ciphers" do
      server = configured(<<~RUBY)
        ssl_bind "127.0.0.1", "0", {
          cert: "site.crt", key: "site.key", ssl_cipher_filter: "HIGH:!aNULL", ssl_ciphersuites: "TLS_AES_128_GCM_SHA256",
          verify_mode: "none", verification_flags: ["TRUSTED_FIRST"], reuse: true, low_latency: true, backlog: 64
        }
      RUBY
      socket = secure(server)
      expect(socket.ssl.cipher.first).to eq("TLS_AES_128_GCM_SHA256")
      expect(server.stdout).to include("* ssl_cipher_filter: OpenSSL's lists are not read", "* verification_flags: rustls has rules of its own")
    end
  end

  {
    "a file that is not there" => ["cert=none.crt&key=site.key", "ssl: cert: No such file or directory"],
    "a certificate that is none" => ["cert=site.key&key=site.key", "cert: there is no certificate in PEM form"],
    "a key that is none" => ["cert=site.crt&key=site.crt", "key: there is no key in PEM form"],
    "a key of another certificate" => ["cert=site.crt&key=other.key", "cert and key: "],
    "one without the other" => ["cert=site.crt", "ssl: cert and key (or cert_pem and key_pem) belong together"],
    "none of them in production" => ["backlog=5", "ssl: name a certificate and its key"],
    "an unknown mode" => ["cert=site.crt&key=site.key&verify_mode=maybe", 'ssl: verify_mode "maybe" is not accepted; it takes none, peer, force_peer'],
    "a mode without authorities" => ["cert=site.crt&key=site.key&verify_mode=peer", "it needs ca, a file with the authorities"],
    "a flag that asks for more than is there" => ["cert=site.crt&key=site.key&verification_flags=CRL_CHECK", "rustls does not check that"],
    "authorities that are none" => ["cert=site.crt&key=site.key&ca=site.key", "ssl: ca: there is no certificate in PEM form"],
    "authorities that are not there" => ["cert=site.crt&key=site.key&ca=none.crt&verify_mode=peer", "ssl: ca: No such file or directory"],
    "an unknown cipher suite" => ["cert=site.crt&key=site.key&ssl_ciphersuites=TLS_NULL", "ssl_ciphersuites: unknown suite TLS_NULL; known: TLS_AES_256_GCM_SHA384"],
    "a password command that a signal ends" => ["cert=site.crt&key=site.key&key_password_command=kill -9 $$", "ssl: key_password_command failed with SIGKILL"],
    "a password command that fails" => ["cert=site.crt&key=site.key&key_password_command=false", "ssl: key_password_command failed with 1"],
    "an unknown parameter" => ["cert=site.crt&key=site.key&tls=1", "unknown parameter tls"]
  }.each do |name, (query, message)|
    it "X-04: does not start with #{name}" do
      other = certificates.server("other.example")
      expect(refusal(hello, bind: "ssl://127.0.0.1:0?#{query}", files: { "other.key" => other.key_pem })).to include(message).and(satisfy { |text| !text.include?(".rb:") })
    end
  end

  pair = Certificates.shared.server
  rsa = ->(bits) { OpenSSL::PKey::RSA.new(bits).then { |key| [Certificates.shared.server("localhost", key:).pem, key.private_to_pem] } }
  key_kinds = "ring takes RSA keys of 2048 to 4096 bits, of ECDSA those on P-256 and P-384, and Ed25519"
  {
    "a certificate in DER" => [pair.certificate.to_der, pair.key_pem, "ERROR: cert: there is no certificate in PEM form\n"],
    "a key in DER" => [pair.pem, pair.key.private_to_der, "ERROR: key: there is no key in PEM form\n"],
    "a file that is cut off" => [pair.pem[0, 300], pair.key_pem, "ERROR: cert: the line -----END CERTIFICATE----- is missing\n"],
    "a file with garbage in it" => [pair.pem.sub("MII", "M!!"), pair.key_pem, "ERROR: cert: what is between its marks is no base64\n"],
    "a key of another certificate of its kind" => [pair.pem, Certificates.shared.server.key_pem, "ERROR: cert and key: the key is not that of the (first) certificate\n"],
    "a key of another kind" => [pair.pem, rsa.call(2048).last, "ERROR: cert and key: the key is not that of the (first) certificate\n"],
    "a chain that begins with its issuer" => [Certificates.shared.authority.pem + pair.pem, pair.key_pem, "ERROR: cert and key: the key is not that of the (first) certificate\n"],
    "a key that is too short" => [*rsa.call(1024), "ERROR: key: #{key_kinds}\n"],
    "a key of a curve that ring does not have" =>
      OpenSSL::PKey::EC.generate("secp521r1").then { |key| [Certificates.shared.server("localhost", key:).pem, key.private_to_pem, "ERROR: key: #{key_kinds}\n"] },
    "an encrypted key" => [pair.pem, pair.key.private_to_pem(OpenSSL::Cipher.new("aes-256-cbc"), "x"), "ERROR: key: it is encrypted; key_password_command prints its password\n"],
    "an encrypted key of the older form" => [pair.pem, OpenSSL::PKey::RSA.new(2048).to_pem(OpenSSL::Cipher.new("aes-128-cbc"), "x"),
                                             "ERROR: key: it is encrypted; key_password_command prints its password\n"]
  }.each do |name, (certificate, key, message)|
    it "X-04: says what is wrong with #{name}, and shows nothing of the key" do
      said = refusal(hello, files: { "site.crt" => certificate, "site.key" => key })
      expect(said).to end_with(message)
      expect(said.b).not_to include(key.b.lines[2] || key.b)
    end
  end

  it "reads files as they come: with a mark of their encoding, other line ends, words around, both in one" do
    both = "\xEF\xBB\xBFA certificate\n#{pair.pem}#{pair.key_pem}".gsub("\n", "\r\n")
    server = serve_tls(hello, bind: "ssl://127.0.0.1:0?cert=both.pem&key=both.pem", files: { "both.pem" => both })
    expect(secure(server).request(get).status).to eq(200)
    marked = serve_tls(hello, files: { "site.crt" => "\xEF\xBB\xBF#{pair.pem}", "site.key" => "\xEF\xBB\xBF#{pair.key_pem}" })
    expect(secure(marked).request(get).status).to eq(200)
  end

  describe "chains" do
    between = Certificates.shared.intermediate("between")
    site = Certificates.shared.server("localhost", issuer: between)
    files = { "alone.crt" => site.pem, "alone.key" => site.key_pem, "chain.crt" => site.pem + between.pem,
              "issuers.crt" => Certificates.shared.authority.pem + between.pem }

    def names(server) = secure(server).ssl.peer_cert_chain.map { |one| one.subject.to_s }

    it "are shown as they are in the file" do
      server = serve_tls(hello, bind: "ssl://127.0.0.1:0?cert=chain.crt&key=alone.key", files:)
      expect(names(server)).to eq(%w[/CN=localhost /CN=between])
    end

    it "are completed from ca, as OpenSSL does it, whether clients are verified or not" do
      ["", "&verify_mode=peer"].each do |mode|
        server = serve_tls(hello, bind: "ssl://127.0.0.1:0?cert=alone.crt&key=alone.key&ca=issuers.crt#{mode}", files:)
        expect(names(server)).to eq(["/CN=localhost", "/CN=between", "/CN=spec authority"])
      end
    end

    it "are not completed where the file has one, or by what is no issuer of it" do
      others = Certificates.new("another authority").authority.pem
      server = serve_tls(hello, bind: "ssl://127.0.0.1:0?cert=chain.crt&key=alone.key&ca=issuers.crt", files:)
      expect(names(server)).to eq(%w[/CN=localhost /CN=between])
      server = serve_tls(hello, bind: "ssl://127.0.0.1:0?cert=chain.crt&key=alone.key&ca=others.crt", files: files.merge("others.crt" => others))
      expect(names(server)).to eq(%w[/CN=localhost /CN=between])
    end

    it "of clients may come by way of another authority" do
      alice = Certificates.shared.client("alice", issuer: between)
      server = serve_tls(hello, bind: "#{Site::ADDRESS}&ca=ca.crt&verify_mode=force_peer")
      shown = { cert: alice.certificate, key: alice.key, extra_chain_cert: [between.certificate] }
      expect(secure(server, **shown).request(get).body).to end_with("/CN=alice")
      expect(turned_away?(server, **of(alice))).to be_truthy
    end
  end

  it "reads encrypted keys of every kind by key_password_command" do
    key = OpenSSL::PKey::RSA.new(2048)
    pair = certificates.server("localhost", key:)
    { "PKCS #8" => key.private_to_pem(OpenSSL::Cipher.new("aes-256-cbc"), "secret word"),
      "the older form" => key.to_pem(OpenSSL::Cipher.new("aes-128-cbc"), "secret word") }.each_value do |pem|
      server = serve_tls(hello, bind: "ssl://127.0.0.1:0?cert=rsa.crt&key=rsa.key&key_password_command=echo+secret+word",
                                files: { "rsa.crt" => pair.pem, "rsa.key" => pem })
      expect(secure(server).request(get).status).to eq(200)
      expect(server.stdout).not_to include("secret")
    end
  end

  describe "a key_password_command that hangs" do
    locked = ->(pair, password) { pair.key.private_to_pem(OpenSSL::Cipher.new("aes-256-cbc"), password) }
    bind = "ssl://127.0.0.1:0?cert=site.crt&key=site.key&key_password_command=sh+ask&key_password_timeout=0.3"
    # A shell that waits for what it has started: both are to be ended.
    hang = "echo $$ > pids; sleep 600 & echo $! >> pids; wait\n"
    told = "ssl: key_password_command has not ended and closed its output within 0.3 seconds (key_password_timeout): killed"

    def ended?(server)
      eventually { File.read("#{server.dir}/pids").split.map(&:to_i).none? { |pid| alive?(pid) } }
    end

    it "X-04: is killed, with what it has started, and the server does not start" do
      files = { "site.key" => locked.call(certificates.server, "secret"), "ask" => hang }
      server = serve_tls(hello, bind:, files:, wait: false)
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to include(told).and(satisfy { |text| !text.include?(".rb:") })
      ended?(server)
    end

    [[], %w[-w 1]].each do |args|
      it "is killed when HUP has asked it, and the old certificate stays (#{args.join(" ")})" do
        pair = certificates.server
        server = serve_tls(hello, bind:, args:, files: certificates.files(pair).merge("site.key" => locked.call(pair, "secret"), "ask" => "echo secret\n"))
        await_workers(server, 1) if args.any?
        File.write("#{server.dir}/ask", hang)
        server.signal("HUP")
        server.wait_for_stderr(/the certificates of ssl:\S+ stay as they are: #{Regexp.escape(told)}/)
        expect(shown(server, **trusting).to_der).to eq(pair.certificate.to_der)
        ended?(server)
      end
    end
  end

  it "says that it takes a number of seconds for the password" do
    expect(refusal(hello, bind: "#{Site::ADDRESS}&key_password_timeout=soon")).to include('ssl: key_password_timeout "soon" is not accepted; it takes seconds, more than 0')
  end

  it "says that an encrypted key needs a command, or another one" do
    pem = certificates.server.key.private_to_pem(OpenSSL::Cipher.new("aes-256-cbc"), "secret")
    query = "cert=site.crt&key=locked.key"
    expect(refusal(hello, bind: "ssl://127.0.0.1:0?#{query}", files: { "locked.key" => pem })).to include("it is encrypted; key_password_command prints its password")
    expect(refusal(hello, bind: "ssl://127.0.0.1:0?#{query}&key_password_command=echo+wrong", files: { "locked.key" => pem }))
      .to include("ssl: key: the password does not fit")
  end

  describe "T8, E-27: of clients" do
    let(:alice) { certificates.client("alice") }
    let(:stranger) { Certificates.new("another authority").client("mallory") }

    it "verify_mode=force_peer lets in whom the authority knows, and gives the app the certificate" do
      server = serve_tls(hello, bind: "#{Site::ADDRESS}&ca=ca.crt&verify_mode=force_peer")
      expect(secure(server, **of(alice)).request(get).body).to eq("OpenSSL::X509::Certificate /CN=alice")
      expect(turned_away?(server)).to be_truthy
      expect(turned_away?(server, **of(stranger))).to be_truthy
      eventually { server.stderr.include?("SSL error, peer: 127.0.0.1: ") }
    end

    it "verify_mode=peer lets in also who shows none" do
      server = serve_tls(hello, bind: "#{Site::ADDRESS}&ca=ca.crt&verify_mode=peer")
      expect(secure(server, **of(alice)).request(get).body).to eq("OpenSSL::X509::Certificate /CN=alice")
      expect(secure(server).request(get).body).to eq("NilClass ")
      expect(turned_away?(server, **of(stranger))).to be_truthy
    end

    it "verify_mode=none asks for none" do
      server = serve_tls(hello, bind: "#{Site::ADDRESS}&verify_mode=none")
      expect(secure(server, **of(alice)).request(get).body).to eq("NilClass ")
    end
  end

  describe "T9: HUP" do
    let(:renewed) { certificates.server("renewed.example") }

    def renew(server, pair = renewed)
      File.write("#{server.dir}/site.crt", pair.pem)
      File.write("#{server.dir}/site.key", pair.key_pem)
      server.signal("HUP")
    end

    it "reads the certificate anew, and no connection is lost" do
      server = serve_tls(hello)
      open = secure(server)
      open.request(get)
      renew(server)
      server.wait_for_stdout(/Reloaded the certificates of ssl:/)
      expect(shown(server).subject.to_s).to eq("/CN=renewed.example")
      expect(open.request(get).status).to eq(200)
    end

    it "reads it in every worker, and in those to come" do
      server = cluster(hello, bind: Site::ADDRESS, files: certificates.files)
      renew(server)
      eventually { Array.new(12) { shown(server).subject.to_s }.uniq == ["/CN=renewed.example"] }
      booted(server).each { |pid| Process.kill("KILL", pid) }
      await_workers(server, 4)
      expect(Array.new(6) { shown(server).subject.to_s }.uniq).to eq(["/CN=renewed.example"])
    end

    it "keeps the old one where the new one cannot be used" do
      server = serve_tls(hello)
      File.write("#{server.dir}/site.crt", "nothing")
      server.signal("HUP")
      server.wait_for_stderr(/the certificates of ssl:\S+ stay as they are: cert: there is no certificate/)
      expect(secure(server).request(get).status).to eq(200)
    end

    it "S-06: still stops a server that has neither logs nor certificates" do
      server = serve(hello)
      server.signal("HUP")
      expect(server.wait_exit.exitstatus).to eq(0)
    end
  end

  describe "for development" do
    def developing(dir, **) = serve("run ->(_env) { [200, {}, ['hello']] }", bind: "ssl://localhost:0", env: { "RACK_ENV" => "development", "XDG_STATE_HOME" => dir }, **)

    it "one is made, and kept" do
      Dir.mktmpdir do |dir|
        first = developing(dir)
        path = "#{dir}/iodine-rs/localhost.crt"
        expect(first.stdout).to include("* the certificate is self-signed, for development: #{path}\n")
        expect(File.stat(path.sub("crt", "key")).mode.to_s(8)).to end_with("600")
        store = OpenSSL::X509::Store.new.tap { |one| one.add_file(path) }
        socket = TLSSocket.new(first.port, cert_store: store, verify_mode: OpenSSL::SSL::VERIFY_PEER, verify_hostname: true)
        expect(socket.request(get).status).to eq(200)
        expect(shown(developing(dir)).to_der).to eq(socket.ssl.peer_cert.to_der)
      end
    end

    it "the localhost gem's is used where the app has it" do
      Dir.mktmpdir do |dir|
        config = <<~RUBY
          module ::Localhost
            class Authority
              def self.fetch = new
              def certificate_path = "site.crt"
              def key_path = "site.key"
            end
          end
        RUBY
        server = developing(dir, files: certificates.files.merge("config/puma.rb" => config))
        expect(secure(server).request(get).status).to eq(200)
        expect(Dir.children(dir)).to be_empty
      end
    end
  end
end
