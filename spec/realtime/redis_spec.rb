# frozen_string_literal: true

require "etc"
require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/redis_server"
require_relative "../support/websocket_client"

RSpec.describe "Redis as the way to other servers" do
  before(:all) { @redis = RedisServer.new }
  after(:all) { @redis.finish }

  after { @clients&.each(&:close) }

  app = <<~'RUBY'
    module Room
      extend self

      def on_open(client)
        case client.env["QUERY_STRING"]
        when "pattern" then client.subscribe("ro*", match: :redis)
        when "both" then client.subscribe("room"); client.subscribe("r*", match: :redis)
        else client.subscribe("room")
        end
        client.write("opened")
      end

      def on_message(client, data)
        case data
        when /\Acluster (.*)/ then IodineRs.publish("room", $1, IodineRs::PubSub::CLUSTER)
        when /\Amany (\d+)/ then $1.to_i.times { |n| client.publish("room", n.to_s) }
        else client.publish("room", data)
        end
      end
    end

    run ->(env) { env["rack.upgrade"] = Room if env["rack.upgrade?"]; [200, {}, []] }
  RUBY

  def redis = @redis

  def connect(server, path = "/")
    client = WebSocketClient.new(server, path)
    client.read_message
    (@clients ||= []) << client
    client
  end

  # Waits until Redis knows that the servers listen.
  def await_listeners(count, channel = "room") = eventually { redis.listeners(channel) == count }

  # Seconds of CPU that the process takes while half a second passes: the passing itself is what is measured.
  def cpu_of_half_a_second(pid)
    before = cpu(pid)
    sleep(0.5)
    cpu(pid) - before
  end

  def cpu(pid) = File.read("/proc/#{pid}/stat").split(") ").last.split[11, 2].sum(&:to_i).fdiv(Etc.sysconf(Etc::SC_CLK_TCK))

  define_method(:single) { serve(app, args: ["--redis", redis.url]) }
  define_method(:several) { cluster(app, workers: 2, env: { "IODINE_RS_REDIS_URL" => redis.url }) }

  it "brings publications from one server to another, once, and keeps their order" do
    one, other = connect(single), connect(several)
    await_listeners(2)
    one.text("hello")
    expect([one, other].map(&:read_message)).to eq(%w[hello hello])
    other.text("many 500")
    expected = (0...500).map(&:to_s)
    expect([one, other].map { |client| client.read_messages(500) }).to eq([expected, expected])
    expect([one, other]).to all(be_silent)
  end

  it "brings publications of programs that know nothing of us, and the other way round" do
    client = connect(single)
    await_listeners(1)
    redis.ask("PUBLISH room news")
    expect(client.read_message).to eq("news")
    TCPSocket.open("127.0.0.1", redis.port) do |socket|
      socket.write("SUBSCRIBE room\r\n")
      6.times { socket.gets }
      client.text("plain")
      expect(Array.new(7) { socket.gets.chomp }.values_at(2, 4, 6)).to eq(%w[message room plain])
    end
  end

  it "delivers once to each subscription, whatever covers the channel" do
    server = several
    plain, pattern, both = connect(server), connect(server, "/?pattern"), connect(server, "/?both")
    await_listeners(1)
    eventually { redis.ask("PUBSUB NUMPAT") == ":2" }
    redis.ask("PUBLISH room news")
    expect([plain.read_messages(1), pattern.read_messages(1), both.read_messages(2)]).to eq([%w[news], %w[news], %w[news news]])
    expect([plain, pattern, both]).to all(be_silent)
  end

  it "keeps inside what is only for the own processes" do
    server, other = single, single
    near, far = connect(server), connect(other)
    await_listeners(2)
    near.text("cluster secret")
    near.text("public")
    expect([near.read_messages(2), far.read_message]).to eq([%w[secret public], "public"])
  end

  it "has one pair of connections for all processes" do
    before = redis.clients
    server = cluster(app, workers: 3, env: { "IODINE_RS_REDIS_URL" => redis.url })
    eventually { redis.clients == before + 2 }
    Process.kill("KILL", booted(server).first)
    await_workers(server, 4)
    eventually { redis.clients == before + 2 }
  end

  it "sleeps again after the fork of a new worker" do
    server = cluster(app, workers: 2, env: { "IODINE_RS_REDIS_URL" => redis.url })
    Process.kill("KILL", booted(server).first)
    await_workers(server, 3)
    client = connect(server)
    await_listeners(1)
    # Traffic in between proves that the ways are there; then nothing is to be done for half a second.
    redis.ask("PUBLISH room news")
    expect(client.read_message).to eq("news")
    expect(cpu_of_half_a_second(server.pid)).to be < 0.1
  end

  it "stops to listen when nobody does" do
    client = connect(several)
    await_listeners(1)
    client.close
    await_listeners(0)
  end

  it "goes on through a restart of workers" do
    server, other = several, single
    far = connect(other)
    server.signal("USR1")
    await_workers(server, 4)
    near = connect(server)
    await_listeners(2)
    far.text("hello")
    expect([near, far].map(&:read_message)).to eq(%w[hello hello])
  end

  it "loses nothing inside while Redis is away, and goes on by itself when it is back", limit: 120 do
    servers = [single, several]
    clients = servers.map { |server| connect(server) }
    await_listeners(2)
    redis.stop
    servers.each { |server| server.wait_for_stderr(/Redis at 127.0.0.1:\d+ is away \(.*\): publications stay on this server/) }
    clients.each_with_index { |client, n| client.text("alone #{n}") }
    expect(clients.map(&:read_message)).to eq(["alone 0", "alone 1"])
    redis.start
    servers.each { |server| server.wait_for_stderr(/Redis is back/) }
    eventually { redis.listeners("room") == 2 }
    # What was published meanwhile reaches whoever listened again when it went out.
    clients.first.text("together")
    clients.each { |client| eventually { client.read_message == "together" } }
  end

  it "need not be there when the server starts" do
    lonely = serve(app, args: ["--redis", "redis://127.0.0.1:1"])
    lonely.wait_for_stderr(/Redis at 127.0.0.1:1 is away/)
    client = connect(lonely)
    client.text("hello")
    expect(client.read_message).to eq("hello")
    started = Eventually.now
    client.close
    lonely.signal("INT")
    expect(lonely.wait_exit.exitstatus).to eq(0)
    expect(Eventually.now - started).to be < 2
  end

  # Seconds until a worker that was killed has a successor, and until the end.
  def replacing(server)
    began = Eventually.now
    count = booted(server).size
    Process.kill("KILL", booted(server).last)
    await_workers(server, count + 1)
    Eventually.now - began
  end

  def ending(server)
    began = Eventually.now
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
    Eventually.now - began
  end

  def expect_no_delay(server)
    expect(replacing(server)).to be < 2
    expect(ending(server)).to be < 2
  end

  it "may accept and never answer: no fork waits for it, nor the end" do
    TCPServer.open("127.0.0.1", 0) do |silent|
      server = cluster(app, args: ["--redis", "redis://127.0.0.1:#{silent.local_address.ip_port}"])
      asked, = IO.select(Array.new(2) { silent.accept })
      expect(asked.first.readpartial(1000)).to include("SUBSCRIBE")
      client = connect(server)
      client.text("hello")
      expect(client.read_message).to eq("hello")
      client.close
      expect_no_delay(server)
    end
  end

  it "may stand still while something is published: no fork waits for it, nor the end" do
    server = cluster(app, args: ["--redis", redis.url])
    client = connect(server)
    await_listeners(1)
    redis.pause do
      client.text("many 100")
      expect(client.read_messages(100).size).to eq(100)
      client.close
      expect_no_delay(server)
    end
  end

  it "is refused where the URL is none" do
    server = serve(app, args: ["--redis", "http://me:s3cret@x"], wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to start_with('ERROR: redis: "http://(hidden)@x" is not accepted: ')
    expect(server.stderr).not_to include("s3cret")
  end

  it "may be made in the configuration file, once" do
    server = serve(app, files: { "config/iodine_rs.rb" => <<~RUBY })
      IodineRs::PubSub.default = IodineRs::PubSub::Redis.new("#{redis.url}")
      begin
        IodineRs::PubSub::Redis.new("#{redis.url}")
      rescue IodineRs::Error => error
        puts error.message
      end
    RUBY
    server.wait_for_stdout(/there is a Redis already/)
    client = connect(server)
    await_listeners(1)
    redis.ask("PUBLISH room news")
    expect(client.read_message).to eq("news")
  end
end
