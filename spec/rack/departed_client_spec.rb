# frozen_string_literal: true

require "spec_helper"
require_relative "support/clients"
require_relative "support/gate"

RSpec.describe "A client that has gone" do
  include Clients

  get = ->(path) { "GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n" }

  it "R-16 does not get its request run when it left before its turn" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      ran = []
      run lambda { |env|
        ran << env["PATH_INFO"]
        File.read("gate") if env["PATH_INFO"] == "/hold"
        [200, {}, [ran.join(" ")]]
      }
    RUBY
    gate = Gate.new(server)
    holder = server.connect.write(get["/hold"])
    gate.reached
    gone = server.connect.write(get["/gone"])
    let_server_look_around(server)
    gone.reset
    let_server_look_around(server)
    gate.open
    expect(holder.read_response.body).to eq "/hold"
    expect(Http.get(server, "/after").body).to eq "/hold /after"
  end

  it "row 214 that only shut its sending side is answered" do
    server = serve('run ->(env) { [200, {}, Enumerator.new { |y| y << "a" << "b" }] }')
    sock = server.connect
    sock.write(get["/"])
    sock.half_close
    expect(sock.read_response.body).to eq "ab"
    expect(sock).to be_closed
  end

  it "row 214 is answered even when the app takes its time after the half-close" do
    server = serve('run ->(env) { File.read("gate"); [200, {}, ["late"]] }')
    gate = Gate.new(server)
    sock = server.connect
    sock.write(get["/"])
    sock.half_close
    gate.reached
    let_server_look_around(server)
    gate.open
    expect(sock.read_response.body).to eq "late"
  end

  {
    "each" => 'Enumerator.new { |y| File.read("gate"); loop { y << PART } }',
    "call" => '->(stream) { File.read("gate"); loop { stream.write(PART) } }'
  }.each do |kind, body|
    it "row 218: while a body streams, its #{kind} is stopped and it is closed once" do
      server = serve(<<~RUBY, args: %w[-t 1:1])
        PART = "p" * 65_536
        CLOSED = []
        run lambda { |env|
          next [200, {}, [CLOSED.size.to_s]] if env["PATH_INFO"] == "/closed"

          body = #{body}
          def body.close = CLOSED << 1
          [200, {}, body]
        }
      RUBY
      gate = Gate.new(server)
      sock = server.connect
      sock.write(get["/"])
      sock.read_until("\r\n\r\n") if kind == "call"
      gate.reached
      sock.reset
      gate.open
      eventually { Http.get(server, "/closed").body == "1" }
      expect(Http.get(server, "/closed").body).to eq "1"
    end
  end

  it "row 217: while the app runs, its response is discarded without noise" do
    server = serve('run ->(env) { File.read("gate") if env["PATH_INFO"] == "/slow"; [200, {}, ["x" * 100_000]] }', args: %w[-t 1:1])
    gate = Gate.new(server)
    5.times do
      sock = server.connect.write(get["/slow"])
      gate.reached
      sock.reset
      gate.open
      expect(Http.get(server, "/").status).to eq 200
    end
    expect(server.stderr).to eq ""
  end

  { "an Array" => '["x" * 50_000_000]', "each" => 'Enumerator.new { |y| 1_000.times { y << "x" * 50_000 } }' }.each do |kind, body|
    it "R-17 that stopped reading #{kind} is cut off after the write timeout, and the callbacks run", if: File.directory?("/proc/self/fd") do
      server = serve(<<~RUBY, args: %w[-t 1:1 --set write_timeout=1])
        finished = []
        run lambda { |env|
          next [200, {}, finished] if env["PATH_INFO"] == "/finished"

          env["rack.response_finished"] << ->(_env, status, _headers, error) { finished << "\#{status} \#{error.class}" }
          [200, {}, #{body}]
        }
      RUBY
      open_files = -> { Dir.children("/proc/#{server.pid}/fd").size }
      sock = server.connect(receive_buffer: 16_384)
      sock.write(get["/"])
      sock.read_until("\r\n\r\n")
      busy = open_files.call
      eventually(limit: 8) { open_files.call < busy }
      finished = eventually { Http.get(server, "/finished").body.then { |text| text unless text.empty? } }
      expect(finished).to start_with("200 ")
      expect(finished).to match(/EPIPE|IOError/) if kind == "each"
      # A reset beyond a full window is lost (RFC 5961 §3.2): who says something then gets another one.
      expect(sock.offer("x").read_to_end.bytesize).to be < 50_000_000
    end
  end
end
