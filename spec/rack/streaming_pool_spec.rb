# frozen_string_literal: true

require "spec_helper"
require_relative "support/gate"
require_relative "support/timing"

# Elastic streaming: a thread inside a streaming body is no pool thread any more.
RSpec.describe "Streaming bodies and the thread pool" do
  include Timing

  kinds = {
    "call" => "->(stream) { %s; stream.close }",
    "each" => "Enumerator.new { |stream| %s }",
    "partial hijack" => "->(stream) { %s; stream.close }"
  }

  # A server whose "/" streams with `code` (in terms of `stream <<`), and whose other paths answer at once.
  def streaming_server(kind, body, code, args: %w[-t 1:1])
    body = format(body, code)
    serve(<<~RUBY, args:)
      PART = "p" * 50_000
      SENT = [0]
      run lambda { |env|
        case env["PATH_INFO"]
        when "/" then #{kind == 'partial hijack' ? "[200, { 'rack.hijack' => #{body} }, []]" : "[200, {}, #{body}]"}
        when "/threads" then [200, {}, [Thread.list.size.to_s]]
        when "/sent" then [200, {}, [SENT[0].to_s]]
        else [200, {}, ["plain"]]
        end
      }
    RUBY
  end

  def get(path = "/") = "GET #{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

  kinds.each do |kind, body|
    it "#{kind}: with -t 1:1, 200 clients of five writes a second apart finish together, a plain request takes < 50 ms", :alone, limit: 40 do
      server = streaming_server(kind, body, "5.times { |i| sleep 1 if i > 0; stream << \"part\#{i}\" }")
      Http.get(server, "/plain")
      socks = nil
      plain = []
      took = seconds do
        socks = Array.new(200) { server.connect.write(get) }
        plain = Array.new(30) { seconds { expect(Http.get(server, "/plain").body).to eq "plain" } }
        expect(socks.map { |sock| sock.read_to_end(limit: 20).scan(/part\d/).size }).to all eq(5)
      end
      expect(took).to be_between(3.9, 7)
      expect(median(plain)).to be < 0.05
    ensure
      socks&.each(&:close)
    end

    it "#{kind}: with -t 1:1, waiting streams leave the pool thread free, and their threads end with them" do
      server = streaming_server(kind, body, 'stream << "open"; File.read(env["QUERY_STRING"]); stream << "done"',
                                args: %w[-t 1:1 --set thread_idle_timeout=1])
      threads = -> { Http.get(server, "/threads").body.to_i }
      before = threads.call
      gates = Array.new(10) { |i| Gate.new(server, "gate#{i}") }
      socks = Array.new(10) { |i| server.connect.write(get("/?gate#{i}")).tap { |sock| sock.read_until("open") } }
      expect(threads.call).to be >= before + 10
      gates.each(&:open)
      expect(socks.map(&:read_to_end)).to all include("done")
      eventually { threads.call <= before }
    ensure
      socks&.each(&:close)
    end

    it "#{kind}: a slow reader holds back its own writer, but no pool thread, and memory stays bounded", limit: 90 do
      part = 50_000
      server = streaming_server(kind, body, "800.times { stream << PART; SENT[0] += 1 }")
      sock = server.connect(receive_buffer: 4_096).write(get)
      sock.read_until("\r\n\r\n")
      sent = -> { Http.get(server, "/sent").body.to_i }
      history = []
      eventually { history.push(sent.call).last(20).tally.first.last == 20 && history.last.positive? }
      expect(history.last * part).to be < 16_000_000
      expect(median(Array.new(20) { seconds { Http.get(server, "/plain") } })).to be < 0.05
      expect(sock.read_to_end(limit: 60).count("p")).to eq 800 * part
      expect(sent.call).to eq 800
    ensure
      sock&.close
    end
  end

  {
    "one long string" => '["p" * 40_000_000]',
    "many strings" => '["p" * 40_000] * 1_000',
    "a file" => 'Struct.new(:to_path).new("long")'
  }.each do |kind, body|
    it "R-18 a slow reader of #{kind} does not hold the only pool thread", limit: 90 do
      server = serve("run ->(env) { [200, {}, env['PATH_INFO'] == '/' ? #{body} : ['plain']] }", args: %w[-t 1:1], files: { "long" => "p" * 40_000_000 })
      sock = server.connect(receive_buffer: 4_096).write(get)
      sock.read_until("\r\n\r\n")
      expect(median(Array.new(20) { seconds { expect(Http.get(server, "/plain").body).to eq "plain" } })).to be < 0.05
      expect(sock.read_to_end(limit: 60).count("p")).to eq 40_000_000
    ensure
      sock&.close
    end
  end

  describe "max_streams" do
    let(:server) do
      streaming_server("call", kinds["call"], 'stream << "open"; File.read(env["QUERY_STRING"]); stream << "done"',
                       args: %w[-t 1:1 --set max_streams=2 --set stream_wait_timeout=1])
    end
    let(:gates) { Array.new(3) { |i| Gate.new(server, "gate#{i}") } }
    let!(:held) do
      gates
      Array.new(2) { |i| server.connect.write(get("/?gate#{i}")).tap { |sock| sock.read_until("open") } }
    end

    after { held.each(&:close) }

    it "one more waits, then is a 503, and plain requests go on meanwhile" do
      third = server.connect.write(get("/?gate2"))
      expect(third).to be_silent(0.5)
      response = third.read_response
      expect(response.status).to eq 503
      expect(Http.get(server, "/plain").body).to eq "plain"
      gates.first(2).each(&:open)
      expect(held.map(&:read_to_end)).to all include("done")
    end

    it "one more proceeds as soon as one of them ends" do
      third = server.connect.write(get("/?gate2"))
      expect(third).to be_silent(0.1)
      gates[0].open
      third.read_until("open")
      gates[2].open
      expect(third.read_to_end).to include "done"
      gates[1].open
    end
  end
end
