# frozen_string_literal: true

require "spec_helper"
require_relative "support/gate"

RSpec.describe "The parts of a body" do
  # Each body gives a part, waits at the gate, gives the next.
  bodies = {
    "each" => 'Class.new { def each = 3.times { |i| yield "part#{i};"; File.read("gate") } }.new',
    "Enumerator" => 'Enumerator.new { |y| 3.times { |i| y << "part#{i};"; File.read("gate") } }',
    "call" => '->(stream) { 3.times { |i| stream.write("part#{i};"); File.read("gate") }; stream.close }',
    "call with a flush" => '->(stream) { 3.times { |i| stream << "part#{i};"; stream.flush; File.read("gate") }; stream.close }'
  }

  def get(version) = "GET / HTTP/#{version}\r\nHost: x\r\n\r\n"

  bodies.each do |kind, body|
    %w[1.1 1.0].each do |version|
      it "#{kind} over HTTP/#{version}: each is with the client before the app makes the next" do
        server = serve("run ->(env) { [200, {}, #{body}] }", args: %w[-t 1:1])
        gate = Gate.new(server)
        sock = server.connect.write(get(version))
        3.times do |i|
          sock.read_until("part#{i};")
          gate.reached
          expect(sock.silent?(0.05) || sock.read_until("\r\n")).to be_truthy
          gate.open
        end
        expect(sock.read_until("0\r\n\r\n")).to end_with "0\r\n\r\n" if version == "1.1"
      end
    end
  end

  it "of a callable are awaited by a client that has the head already" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      run ->(env) { [200, { "x-early" => "yes" }, ->(stream) { File.read("gate"); stream.write("part"); stream.close }] }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write(get("1.1"))
    gate.reached
    expect(sock.read_until("\r\n\r\n").downcase).to include "x-early: yes"
    gate.open
    sock.read_until("part")
  end

  it "with a content-length of the app's own they are not held back either" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      run ->(env) { [200, { "content-length" => "4" }, Enumerator.new { |y| y << "ab"; File.read("gate"); y << "cd" }] }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write(get("1.1"))
    expect(sock.read_until("\r\n\r\nab").downcase).to include "content-length: 4"
    gate.open
    expect(sock.read_until("cd")).to eq "cd"
  end

  it "reach two clients independently" do
    server = serve('run ->(env) { [200, {}, Enumerator.new { |y| y << "1"; File.read(env["QUERY_STRING"]); y << "2" }] }')
    gates = %w[a b].to_h { |name| [name, Gate.new(server, name)] }
    socks = %w[a b].to_h { |name| [name, server.connect.write("GET /?#{name} HTTP/1.1\r\nHost: x\r\n\r\n")] }
    socks.each_value { |sock| sock.read_until("1\r\n1\r\n") }
    gates["b"].open
    expect(socks["b"].read_until("0\r\n\r\n")).to eq "1\r\n2\r\n0\r\n\r\n"
    expect(socks["a"]).to be_silent(0.05)
    gates["a"].open
    expect(socks["a"].read_until("0\r\n\r\n")).to eq "1\r\n2\r\n0\r\n\r\n"
  end
end
