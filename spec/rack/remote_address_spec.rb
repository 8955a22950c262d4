# frozen_string_literal: true

require "spec_helper"
require_relative "support/request_env"

RSpec.describe "E-10 REMOTE_ADDR" do
  include RequestEnv

  ipv6 = begin
    TCPServer.new("::1", 0).close
    true
  rescue SystemCallError
    false
  end

  it "is the peer's address on TCP" do
    server = ServerProcess.shared(:env, rackup: RequestEnv::APP)
    expect(env_of(head, server:)["REMOTE_ADDR"]).to eq "127.0.0.1"
  end

  it "is not taken from a header" do
    server = ServerProcess.shared(:env, rackup: RequestEnv::APP)
    expect(env_of(head("/", "X-Forwarded-For: 1.2.3.4", "Remote-Addr: 1.2.3.4"), server:)["REMOTE_ADDR"]).to eq "127.0.0.1"
  end

  {
    "set_remote_address header: 'X-Real-IP'" => ["X-Real-IP: 1.2.3.4, 5.6.7.8", "1.2.3.4"],
    "set_remote_address(header: 'X_Real-IP'.tr('_', '-'))" => ["X-Other: 1.2.3.4", "127.0.0.1"],
    "set_remote_address '10.0.0.1'" => ["X-Real-IP: 1.2.3.4", "10.0.0.1"],
    "set_remote_address :localhost" => ["X-Real-IP: 1.2.3.4", "127.0.0.1"],
    "remote_address 'header:x-forwarded-for'" => ["X-Forwarded-For:  9.9.9.9 , 1.2.3.4", "9.9.9.9"]
  }.each do |config, (line, address)|
    it "D-14: is #{address} with `#{config}`" do
      server = serve(RequestEnv::APP, files: { "config/puma.rb" => config })
      expect(env_of(head("/", line), server:)["REMOTE_ADDR"]).to eq address
    end
  end

  it "is 127.0.0.1 on a Unix socket" do
    server = serve(RequestEnv::APP, bind: "unix://iodine.sock")
    client = -> { RawSocket.new(File.join(server.dir, "iodine.sock")) }
    env = env_of(head, server: Struct.new(:open) { def connect = open.call }.new(client))
    expect(env).to include("REMOTE_ADDR" => "127.0.0.1", "SERVER_NAME" => "example.org", "SERVER_PORT" => "80", "rack.url_scheme" => "http")
  end

  context "with IPv6", if: ipv6 do
    let(:server) { serve(RequestEnv::APP, bind: "tcp://[::]:0") }

    # A client of the server's port at another address.
    def at(host) = Struct.new(:port, :host) { def connect = RawSocket.new(port, host:) }.new(server.port, host)

    it("is ::1 for a client of ::1") { expect(env_of(head, server: at("::1"))["REMOTE_ADDR"]).to eq "::1" }

    it "is a plain IPv4 address for an IPv4 client of an IPv6 listener" do
      expect(env_of(head, server: at("127.0.0.1"))["REMOTE_ADDR"]).to eq "127.0.0.1"
    end
  end
end
