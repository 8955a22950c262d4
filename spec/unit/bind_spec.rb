# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::Bind do
  all = IodineRs::Bind.default_host

  [
    ["tcp://127.0.0.1:9292", ["127.0.0.1", 9292, 1024]],
    ["tcp://[::1]:80?backlog=64", ["::1", 80, 64]],
    ["tcp://localhost:0?low_latency=true", ["localhost", 0, 1024]],
    ["example.test:80", ["example.test", 80, 1024]],
    ["tcp://:80", [all, 80, 1024]],
    [":80", [all, 80, 1024]],
    ["unix:///run/app.sock", ["/run/app.sock", 1024, nil, nil]],
    ["unix:///run/my%20app.sock?umask=0111&mode=0770&backlog=5", ["/run/my app.sock", 5, 0o111, 0o770]],
    ["unix://tmp/app.sock", ["tmp/app.sock", 1024, nil, nil]],
    ["unix://@abstract", ["@abstract", 1024, nil, nil]],
    ["/run/app.sock", ["/run/app.sock", 1024, nil, nil]],
    ["./app.sock", ["./app.sock", 1024, nil, nil]]
  ].each do |text, parts|
    it("reads #{text}") { expect(described_class.parse(text).to_a).to eq(parts) }
  end

  {
    "9292" => "it takes tcp://host:port, unix:///path, ssl://host:port?cert=FILE&key=FILE, host:port or /path",
    "tcp://127.0.0.1" => "it takes tcp://",
    "tcp://::1:80" => "it takes tcp://",
    "tcp://host:http" => "it takes tcp://",
    "http://host:80" => "it takes tcp://",
    "unix://" => "it takes tcp://",
    "unix:///a\0b" => "it takes tcp://",
    "host:70000" => "a port is at most 65535",
    "tcp://host:80?tls=1" => "unknown parameter tls; known here: backlog, low_latency",
    "tcp://host:80?backlog=many" => "backlog takes an integer",
    "unix:///x?mode=rw" => "umask and mode take octal digits",
    "unix:///x?umask=77777777" => "umask and mode take octal digits",
    "tcp://host:80?backlog=#{2**32}" => "backlog takes an integer",
    "ssl://host:443?tls=1" => "unknown parameter tls; known here: cert, key, "
  }.each do |text, reason|
    it "refuses #{text.inspect}" do
      expect { described_class.parse(text) }.to raise_error(IodineRs::ConfigError) { |error|
        expect(error.message).to start_with("bind: #{text.inspect} is not accepted; #{reason}")
      }
    end
  end

  it "B-04: takes those of Puma's 21 verification flags that rustls keeps, or that ask for less, and refuses the others by name" do
    flags = IodineRs::Puma::MiniSSL::VERIFICATION_FLAGS.keys
    refused = flags.select do |flag|
      described_class.parse("ssl://127.0.0.1:0?cert=a&key=b&verification_flags=TRUSTED_FIRST,#{flag}") && false
    rescue IodineRs::ConfigError => error
      error.message == "ssl: verification_flags #{flag.inspect} is not accepted; rustls does not check that; leave it out, or let a proxy do it"
    end
    expect(flags.size).to eq(21)
    expect(refused).to match_array(%w[CRL_CHECK CRL_CHECK_ALL POLICY_CHECK EXPLICIT_POLICY INHIBIT_ANY INHIBIT_MAP
                                      EXTENDED_CRL_SUPPORT USE_DELTAS SUITEB_128_LOS_ONLY SUITEB_192_LOS SUITEB_128_LOS])
    expect { described_class.parse("ssl://127.0.0.1:0?cert=a&key=b&verification_flags=CRL") }
      .to raise_error(IodineRs::ConfigError, 'ssl: verification_flags "CRL" is not accepted; unknown')
  end

  it "writes an IPv6 host in brackets" do
    expect([described_class.port(80, "::1"), described_class.port(80, "[::1]")]).to all(eq("tcp://[::1]:80"))
  end

  it "refuses a port that is none" do
    ["x", -1, 65_536, "80 "].each do |port|
      expect { described_class.port(port) }.to raise_error(
        IodineRs::ConfigError, "port: #{port.inspect} is not accepted; it takes an integer from 0 to 65535"
      )
    end
  end

  it "listens on IPv6 by default only where there is an address beyond the machine itself" do
    loopback = [Addrinfo.ip("127.0.0.1"), Addrinfo.ip("::1"), Addrinfo.ip("192.0.2.1")]
    allow(Socket).to receive(:ip_address_list).and_return(loopback, [*loopback, Addrinfo.ip("2001:db8::1")])

    expect([described_class.default_host, described_class.default_host]).to eq(["0.0.0.0", "::"])
  end
end
