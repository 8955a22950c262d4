# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# More clients than file descriptors, and clients that vanish in crowds.
RSpec.describe "Faults of connections" do
  app = 'run ->(env) { [200, {}, [(env["rack.input"]&.read&.size || 0).to_s]] }'
  request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"

  # Clients that do not wait to be connected, since the kernel's queue may be full.
  def crowd(port, count)
    address = Addrinfo.tcp("127.0.0.1", port)
    Array.new(count) { Socket.new(:INET, :STREAM).tap { |socket| socket.connect_nonblock(address, exception: false) } }
  end

  def descriptors(server) = Dir.children("/proc/#{server.pid}/fd").size

  # Seconds of a processor that it has used.
  def cpu(server) = File.read("/proc/#{server.pid}/stat").rpartition(")").last.split.values_at(11, 12).sum(&:to_i) / 100.0

  { "with max_connections as it is by default" => [], "with max_connections above that" => %w[--set max_connections=100000] }.each do |name, args|
    it "F13: 2,000 clients of a process with 256 files, #{name}: those it has are served, and it recovers" do
      server = serve(app, args: ["-t", "2:2", *args], under: %w[prlimit --nofile=256])
      friend = server.connect
      expect(friend.request(request).status).to eq(200)
      clients = crowd(server.port, 2000)
      full = args.empty? ? 128 : 250
      eventually { descriptors(server) >= full }
      began = Eventually.now
      used = cpu(server)
      # Some time at the limit.
      eventually { friend.request(request).status == 200 && Eventually.now - began > 1.5 }
      expect(cpu(server) - used).to be < 0.5
      seconds = Eventually.now - began
      clients.each(&:close)
      expect(Http.get(server, "/").status).to eq(200)
      eventually { descriptors(server) < 40 }
      lines = server.stderr.scan(/cannot accept on .*raise `ulimit -n` or lower max_connections/).size
      expect(lines).to args.empty? ? eq(0) : be_between(1, seconds + 3)
    end
  end

  it "F13: a body that needs a file where there is none is a 503, and a line that says so" do
    server = serve(app, args: %w[-t 2:2 --set max_connections=100000], under: %w[prlimit --nofile=64])
    friend = server.connect
    expect(friend.request(request).status).to eq(200)
    clients = crowd(server.port, 100)
    server.wait_for_stderr(/cannot accept on/)
    body = "x" * 1_000_000
    answer = friend.request("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: #{body.size}\r\n\r\n#{body}")
    expect(answer.status).to eq(503)
    server.wait_for_stderr(/cannot store a request body in .*: .*files/)
    clients.each(&:close)
    expect(Http.post(server, "/", body).body).to eq("1000000")
  end

  it "F28: 3,000 clients that reset in the middle leave nothing behind, not even a line" do
    server = serve(app, args: %w[-t 2:2])
    Http.get(server)
    before = descriptors(server)
    pieces = ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n\r\n", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc"]
    3000.times do |n|
      socket = server.connect
      socket.write(pieces[n % pieces.size])
      socket.reset
    end
    eventually { descriptors(server) <= before + 2 }
    expect(Http.get(server).status).to eq(200)
    expect(server.stderr).to eq("")
  end
end
