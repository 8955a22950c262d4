# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP with slow clients" do
  include Wire::Bytes

  app = <<~RUBY
    $stdout.sync = true
    big = Class.new do
      def each = 1_000.times { yield("x" * 10_000) }
      def close = puts("body closed")
    end
    run ->(env) { [200, {}, env["PATH_INFO"] == "/big" ? big.new : ["fine"]] }
  RUBY

  # Options as arguments of the command.
  def set(**options)
    options.flat_map { |name, value| ["--set", "#{name}=#{value}"] }
  end

  # Sends one byte after the other until the server closes; returns the seconds that took. Others are served meanwhile.
  def trickle(socket, bytes, pace: 0.1)
    started = Eventually.now
    bytes.each_char do |byte|
      break unless socket.silent?(pace)

      socket.offer(byte)
      expect(Http.get(server).body).to eq("fine")
    end
    Eventually.now - started
  end

  # Small enough that no buffer on the way can swallow a large response.
  def narrow_socket = server.connect(receive_buffer: 4_096)

  # Bytes that the kernel keeps for that client, sent or not: what it has not acknowledged.
  def held_for(socket)
    connection = format(":%04X 0100007F:%04X ", server.port, socket.local_port)
    line = File.foreach("/proc/net/tcp").find { |one| one.include?(connection) }
    line ? line.split[4].split(":").first.hex : 0
  end

  # Lets the rest of a response come quickly.
  def widen(socket) = socket.to_io.setsockopt(:SOCKET, :RCVBUF, 1 << 20)

  let(:options) { {} }
  let(:server) { serve(app, args: ["-t", "1:1", *set(**options)]) }

  context "with header_timeout=1" do
    let(:options) { { header_timeout: 1 } }

    it "row 227: a trickling head is cut at the deadline" do
      socket = server.connect
      expect(trickle(socket, get("X-A: #{"a" * 100}"))).to be_between(0.8, 3)
      expect(socket.read_to_end).to eq("")
    end
  end

  context "with first_data_timeout=1" do
    let(:options) { { first_data_timeout: 1 } }

    it "row 227: a head that stops is cut" do
      socket = server.connect.write("GET / HTTP/1.1\r\nHo")
      expect(socket).to be_silent(0.7)
      expect(socket.read_to_end).to eq("")
    end

    it "row 228: a client that says nothing is cut" do
      socket = server.connect
      expect(socket).to be_silent(0.7)
      expect(socket.read_to_end).to eq("")
    end

    it "row 230: a body that stops is answered with 408" do
      socket = server.connect.write(post("Content-Length: 5", body: "he"))
      expect(socket).to be_silent(0.7)
      response = socket.read_response
      expect(response.status).to eq(408)
      expect(response).to be_close
      expect(socket.read_to_end).to eq("")
    end

    it "row 71: a chunked body without its end is answered with 408" do
      socket = server.connect.write(chunks("5\r\nhello\r\n0\r\n"))
      expect(socket.read_response.status).to eq(408)
      expect(socket.read_to_end).to eq("")
    end
  end

  context "with first_data_timeout=1 and min_body_rate=500" do
    let(:options) { { first_data_timeout: 1, min_body_rate: 500 } }

    it "row 230: a trickling body is answered with 408" do
      socket = server.connect.write(post("Content-Length: 500"))
      expect(trickle(socket, "x" * 100)).to be_between(0.8, 3)
      expect(socket.read_response.status).to eq(408)
      expect(socket.read_to_end).to eq("")
    end

    it "row 230: a body above the rate is not" do
      socket = server.connect.write(post("Content-Length: 3000"))
      15.times { socket.silent?(0.1) && socket.write("x" * 200) }
      expect(socket.read_response.body).to eq("fine")
    end
  end

  context "with persistent_timeout=1" do
    let(:options) { { persistent_timeout: 1 } }

    it "row 229: an idle connection is closed" do
      socket = server.connect
      socket.request(get)
      expect(socket).to be_silent(0.7)
      expect(socket.read_to_end).to eq("")
    end

    it "row 229: a used one stays" do
      socket = server.connect
      5.times do
        expect(socket.request(get).body).to eq("fine")
        expect(socket).to be_silent(0.4)
      end
    end
  end

  context "with write_timeout=1" do
    let(:options) { { write_timeout: 1 } }

    it "row 231: a slow reader gets all of it and holds no thread" do
      socket = narrow_socket.write(get("Connection: close", target: "/big"))
      20.times do
        socket.to_io.wait_readable(1)
        expect(socket.to_io.read_nonblock(4_096)).not_to be_empty
        expect(Http.get(server).body).to eq("fine")
      end
      expect(server.stdout).not_to include("body closed")
      widen(socket)
      expect(socket.read_to_end(limit: 20)[-12..]).to eq("xxxxx\r\n0\r\n\r\n")
      server.wait_for_stdout(/body closed/)
    end

    it "row 231: for a reader that stops, the kernel never holds more than a little of a large response", if: File.exist?("/proc/net/tcp") do
      socket = narrow_socket.write(get(target: "/big"))
      held = [0]
      eventually { server.stdout.include?("body closed") || !(held << held_for(socket)) }
      expect(held.max).to be_between(64 * 1024, 512 * 1024)
    end

    it "row 232, T-03: a reader that stops is cut, and the body closed" do
      socket = narrow_socket.write(get(target: "/big"))
      expect(socket.to_io.wait_readable(2)).to be_truthy
      expect(Http.get(server).body).to eq("fine")
      expect(server.stdout).not_to include("body closed")
      server.wait_for_stdout(/body closed/, limit: 8)
      widen(socket)
      # A reset beyond a full window is lost (RFC 5961 §3.2): who says something then gets another one.
      socket.offer("x")
      expect { socket.read_response }.to raise_error(Response::Truncated)
    end
  end

  context "with max_connections=4" do
    let(:options) { { max_connections: 4 } }

    it "row 236: more connections wait until others end" do
      first = Array.new(4) { server.connect }
      first.each { |socket| expect(socket.request(get).body).to eq("fine") }
      more = Array.new(20) { server.connect.write(get("Connection: close")) }
      expect(more).to all(be_silent(0.02))
      first.each(&:close)
      more.each do |socket|
        expect(socket.read_response.body).to eq("fine")
        # One that the client leaves open lingers, and counts.
        socket.close
      end
    end
  end

  it "row 233: 500 idle connections cost little", :measures do
    rss = -> { File.read("/proc/#{server.pid}/status")[/VmRSS:\s+(\d+)/, 1].to_i }
    expect(server.connect.request(get).status).to eq(200)
    before = rss.call
    idle = Array.new(500) { server.connect.tap { |socket| socket.request(get) } }
    # In KiB, for each of them.
    expect((rss.call - before) / idle.size).to be < 24
    expect(server.connect.request(get).status).to eq(200)
    idle.each(&:close)
  end
end
