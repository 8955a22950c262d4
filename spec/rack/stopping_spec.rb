# frozen_string_literal: true

require "spec_helper"
require_relative "support/clients"
require_relative "support/gate"
require_relative "support/timing"

RSpec.describe "Stopping while requests are in flight" do
  include Clients
  include Timing

  app = <<~'RUBY'
    run lambda { |env|
      case env["PATH_INFO"]
      when "/plain" then [200, {}, ["plain"]]
      when "/hold" then File.read("gate").then { [200, {}, ["held"]] }
      when "/each" then [200, {}, Enumerator.new { |y| y << "first"; File.read("gate"); y << "last" }]
      when "/call" then [200, {}, ->(s) { s.write("first"); File.read("gate"); s.write("last"); s.close }]
      when "/big" then [200, {}, ["b" * 10_000_000]]
      end
    }
  RUBY

  let(:server) { serve(app, args: %w[-t 1:1]) }

  def get(path) = "GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n"

  def refused?
    server.connect.close
    false
  rescue Errno::ECONNREFUSED
    true
  end

  %w[TERM INT].each do |signal|
    it "#{signal} while idle ends the process in less than a second", :alone do
      idle = Array.new(3) { server.connect.tap { |sock| sock.request(get("/plain")) } }
      fresh = server.connect
      expect(seconds { server.signal(signal).then { server.wait_exit } }).to be < 1
      expect([*idle, fresh]).to all be_closed
    end

    it "#{signal} refuses new connections, finishes the request that runs, tells its client that it closes" do
      gate = Gate.new(server)
      sock = server.connect.write(get("/hold"))
      gate.reached
      server.signal(signal)
      eventually { refused? }
      expect(sock).to be_silent(0.1)
      gate.open
      response = sock.read_response
      expect([response.status, response.body, response.close?]).to eq [200, "held", true]
      expect(sock).to be_closed
      server.wait_exit
    end
  end

  it "INT ends with status 0" do
    server.port
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq 0
  end

  it "requests that were read but had not begun are served too" do
    gate = Gate.new(server)
    held = server.connect.write(get("/hold"))
    gate.reached
    waiting = server.connect.write(get("/plain"))
    let_server_look_around(server)
    server.signal("TERM")
    eventually { refused? }
    gate.open
    expect([held, waiting].map { |sock| sock.read_response.body }).to eq %w[held plain]
    server.wait_exit
  end

  %w[/each /call].each do |path|
    it "a stream (#{path}) is finished" do
      gate = Gate.new(server)
      sock = server.connect.write(get(path))
      sock.read_until("first")
      gate.reached
      server.signal("TERM")
      eventually { refused? }
      gate.open
      expect(sock.read_to_end).to include("last").and end_with("0\r\n\r\n")
      server.wait_exit
    end
  end

  it "a response on its way to a slow reader is delivered whole" do
    sock = server.connect(receive_buffer: 4_096).write(get("/big"))
    sock.read_until("\r\n\r\n")
    server.signal("TERM")
    eventually { refused? }
    expect(sock.read_to_end(limit: 30).bytesize).to eq 10_000_000
    server.wait_exit
  end

  it "a second INT does not wait any longer" do
    gate = Gate.new(server)
    server.connect.write(get("/hold"))
    gate.reached
    server.signal("INT")
    eventually { refused? }
    expect(server).to be_alive
    expect(seconds { server.signal("INT").then { server.wait_exit } }).to be < 2
  end
end
