# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::Binder, :folder do
  subject(:binder) { described_class.new }

  after { binder.close }

  def ipv6? = Socket.ip_address_list.any?(&:ipv6_loopback?)

  describe "TCP" do
    it "reports the port that 0 has become" do
      listener, = binder.bind("tcp://127.0.0.1:0")
      port = listener.io.local_address.ip_port

      expect([listener.url, listener.to_s]).to eq(["tcp://127.0.0.1:#{port}", "http://127.0.0.1:#{port}"])
      expect(binder.connected_ports).to eq([port])
    end

    it "accepts connections" do
      binder.bind("tcp://127.0.0.1:0")
      expect { TCPSocket.new("127.0.0.1", binder.connected_ports.first).close }.not_to raise_error
    end

    it "listens on every loopback address for localhost, with one port" do
      hosts = binder.bind("tcp://localhost:0").map { |listener| listener.io.local_address.ip_address }

      expect(hosts).to include("127.0.0.1")
      expect(hosts).to include("::1") if ipv6?
      expect(binder.connected_ports.size).to eq(1)
    end

    it "writes an IPv6 address in brackets" do
      skip "no IPv6 here" unless ipv6?
      expect(binder.bind("tcp://[::1]:0").first.url).to match(%r{\Atcp://\[::1\]:\d+\z})
    end

    it "F34: says who has the port" do
      other = TCPServer.new("127.0.0.1", 0)
      port = other.local_address.ip_port

      expect { binder.bind("tcp://127.0.0.1:#{port}") }.to raise_error(
        Errno::EADDRINUSE, "Address already in use - bind(2) for 127.0.0.1:#{port}: another process listens there; " \
                           "choose another port"
      )
    ensure
      other.close
    end

    it "F34: says it once, also where nobody catches it: Ruby prints causes with a backtrace of their own" do
      other = TCPServer.new("127.0.0.1", 0)
      taken = "tcp://127.0.0.1:#{other.local_address.ip_port}"

      expect { binder.bind(taken) }.to raise_error(Errno::EADDRINUSE) { |error| expect(error.cause).to be_nil }
    ensure
      other.close
    end

    it "says that an address is not this machine's" do
      expect { binder.bind("192.0.2.1:0") }
        .to raise_error(Errno::EADDRNOTAVAIL, /for 192\.0\.2\.1:0: no interface of this machine has that address/)
    end

    it "says that a name is unknown" do
      expect { binder.bind("no-such-host.invalid:80") }
        .to raise_error(IodineRs::BootError, /getaddrinfo.* - no-such-host\.invalid:80/)
    end
  end

  describe "Unix" do
    it "listens, and removes the file at the end" do
      binder.bind("unix://app.sock")
      expect { UNIXSocket.new("app.sock").close }.not_to raise_error
      binder.close
      expect(File.exist?("app.sock")).to be(false)
    end

    it "lets everybody connect by default" do
      binder.bind("unix://app.sock")
      expect(File.stat("app.sock").mode & 0o777).to eq(0o777)
    end

    it "takes a umask, and a mode that is set afterwards" do
      binder.bind("unix://a.sock?umask=0117")
      binder.bind("unix://b.sock?mode=0600")
      expect(%w[a.sock b.sock].map { |path| File.stat(path).mode & 0o777 }).to eq([0o660, 0o600])
    end

    it "leaves the process's umask alone" do
      expect { binder.bind("unix://app.sock?umask=0117") }.not_to(change { File.umask })
    end

    it "F30: replaces what a dead server left, and leaves the file there in turn" do
      UNIXServer.new("app.sock").close
      binder.bind("unix://app.sock")
      expect { UNIXSocket.new("app.sock").close }.not_to raise_error
      binder.close
      expect(File.exist?("app.sock")).to be(true)
    end

    it "F34: refuses the path of a living server" do
      UNIXServer.open("app.sock") do
        expect { binder.bind("unix://app.sock") }
          .to raise_error(IodineRs::BootError, "There is already a server bound to: app.sock")
      end
    end

    it "never removes a file that is not a socket" do
      File.write("notes", "precious")
      expect { binder.bind("unix://notes") }.to raise_error(IodineRs::BootError, "notes exists and is not a socket")
      expect(File.read("notes")).to eq("precious")
    end

    it "says that the directory is missing" do
      expect { binder.bind("unix://no/app.sock") }.to raise_error(Errno::ENOENT, /its directory does not exist/)
    end

    it "says that the path is too long" do
      expect { binder.bind("unix://#{"a" * 200}") }
        .to raise_error(IodineRs::ConfigError, /\Abind: too long unix socket path/)
    end

    it "listens in the abstract namespace" do
      name = "@iodine-rs-#{Process.pid}"
      expect(binder.bind("unix://#{name}").first.to_s).to eq("unix://#{name}")
      expect { UNIXSocket.new(name.sub("@", "\0")).close }.not_to raise_error
    end

    it "has no port" do
      binder.bind("unix://app.sock")
      expect(binder.connected_ports).to be_empty
    end
  end

  it "keeps the files when a forked child closes its copies" do
    binder.bind("unix://app.sock")
    Process.wait(fork { binder.close or exit!(0) })
    expect { UNIXSocket.new("app.sock").close }.not_to raise_error
  end

  it "may be closed twice" do
    binder.bind("unix://app.sock")
    2.times { binder.close }
    expect(File.exist?("app.sock")).to be(false)
  end
end
