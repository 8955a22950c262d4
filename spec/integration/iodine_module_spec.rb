# frozen_string_literal: true

require "spec_helper"
require "open3"
require_relative "../support/cluster"
require_relative "../support/websocket_client"

RSpec.describe "iodine's module" do
  lib = File.expand_path("../../lib", __dir__)

  # Runs a program with it; yields its standard output line by line, and ends it.
  define_method(:program) do |source, env = {}, &block|
    Open3.popen2e(env, RbConfig.ruby, "-I#{lib}", "-e", "require 'iodine_rs/iodine'\n$stdout.sync = true\n#{source}") do |_, out, waiter|
      block.call(out, waiter.pid)
    ensure
      terminate(waiter.pid)
    end
  end

  def terminate(pid)
    Process.kill("TERM", pid)
  rescue Errno::ESRCH
    # It has ended by itself.
  end

  def port_of(out)
    line = out.gets until line&.include?("Listening")
    line[/:(\d+)$/, 1].to_i
  end

  it "serves what it was told to, until stop" do
    program(<<~RUBY) do |out|
      app = ->(env) { Iodine.run_after(50) { Iodine.stop } if env["PATH_INFO"] == "/stop"
                      [200, {}, [[Iodine.running?, Iodine.master?, Iodine.worker?, Iodine.threads, Iodine.workers].inspect]] }
      Iodine.threads = 3
      Iodine.workers = 1
      Iodine.on_state(:on_finish) { puts "finished" }
      p Iodine.listen(address: "127.0.0.1", port: 0, handler: app, timeout: 5, max_msg: 100, log: true).equal?(app)
      p Iodine.start.equal?(Iodine)
    RUBY
      expect(out.gets).to eq("true\n")
      port = port_of(out)
      expect(RawSocket.new(port).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("[true, true, true, 3, 1]")
      RawSocket.new(port).request("GET /stop HTTP/1.1\r\nhost: x\r\n\r\n")
      rest = out.read
      expect(rest).to include("\"GET /stop HTTP/1.1\" 200", "finished\n").and end_with("true\n")
    end
  end

  it "forks workers" do
    program(<<~RUBY) do |out|
      Iodine.workers = 2
      Iodine.after_fork_in_worker { puts "worker" }
      Iodine.listen(url: "http://127.0.0.1:0/") { |env| [200, {}, ["hello"]] }
      Iodine.start
    RUBY
      port = port_of(out)
      expect(Array.new(4) { out.gets }.join.scan("worker\n").size).to eq(2)
      expect(RawSocket.new(port).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("hello")
    end
  end

  it "M-05: stops a worker alone where that calls stop, and another takes its place" do
    program(<<~RUBY) do |out|
      Iodine.workers = 2
      Iodine.after_fork_in_worker { puts "worker \#{Process.pid}" }
      Iodine.listen(url: "http://127.0.0.1:0/") do |env|
        Iodine.stop if env["PATH_INFO"] == "/stop"
        [200, {}, [Process.pid.to_s]]
      end
      Iodine.start
    RUBY
      port = port_of(out)
      workers = Array.new(3) { out.gets }.join.scan(/worker (\d+)/).flatten
      ended = RawSocket.new(port).request("GET /stop HTTP/1.1\r\nhost: x\r\n\r\n").body
      expect(workers).to include(ended)
      line = out.gets until line&.start_with?("worker ")
      expect(workers).not_to include(line[/\d+/])
      expect(RawSocket.new(port).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").status).to eq(200)
    end
  end

  it "has the calls of an app" do
    server = serve(<<~'RUBY')
      require "iodine_rs/iodine"
      seen = Queue.new
      Iodine.subscribe("a") { |channel, message| seen << [channel, message] }
      results = [
        Iodine.run { seen << :run }.class, Iodine.run_after(1) { seen << :after }.class,
        Iodine.run_every(1, 2) { seen << :every }.class, Iodine.publish("a", "1"), Iodine.publish("a", "2", false),
        Iodine.publish("a", "3", Iodine::PubSub::CLUSTER), Iodine.unsubscribe("b"), Iodine::PubSub.default.equal?(Iodine::PubSub::CLUSTER)
      ]
      run lambda { |env|
        next [200, {}, [[results, Array.new(7) { seen.pop(timeout: 5) }.tally.sort_by(&:to_s)].inspect]] unless env["rack.upgrade?"]

        env["rack.upgrade"] = Module.new do
          def self.on_open(client) = client.write("#{client.is_a?(Iodine::Connection)}")
        end
        [200, {}, []]
      }
    RUBY
    expect(Http.get(server).body).to eq([
      [Proc, Proc, Proc, true, true, true, false, true],
      { ["a", "1"] => 1, ["a", "2"] => 1, ["a", "3"] => 1, after: 1, every: 2, run: 1 }.sort_by(&:to_s)
    ].inspect)
    expect(WebSocketClient.new(server, "/").read_message).to eq("true")
  end

  { "Iodine.listen(port: 0)" => /a :handler is required/,
    "Iodine.listen(service: :raw, handler: 1)" => /the service :raw is not there in iodine-rs/,
    "Iodine.listen(tls: 1, handler: 1)" => /tls is not there in iodine-rs/,
    "Iodine.threads = 'x'" => /a number is an Integer/,
    "Iodine.threads = 4096" => /4096 is out of range, it is below 4096 \(RangeError\)/,
    "Iodine.workers = -512" => /-512 is out of range, it is below 512 \(RangeError\)/,
    "Iodine.listen2http(service: :raw)" => /a :handler is required/,
    "Iodine.on_state(:nothing) {}" => /unknown event/ }.each do |call, message|
    it("refuses #{call}") { program(call) { |out| expect(out.read).to match(message) } }
  end

  it "is there only for whoever asks for it" do
    output, = Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-e", "require 'iodine-rs'; IodineRs.run {}; p defined?(Iodine)")
    expect(output).to eq("nil\n")
  end
end
