# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/websocket_client"

RSpec.describe "Publications in a cluster" do
  # Every process tells what its own subscription hears, as a line "PID heard TEXT".
  app = <<~'RUBY'
    module Room
      extend self

      def on_open(client)
        client.subscribe("room")
        client.write(Process.pid.to_s)
      end

      def on_message(client, data)
        case data
        when /\Alocal (.*)/ then IodineRs.publish("room", $1, false)
        when /\Alarge (\d+)/ then IodineRs.publish("room", "x" * $1.to_i)
        when /\Adropped (\d+)/ then $1.to_i.times { client.publish("room", "x" * 2000) }
        when /\Amany (\d+)/ then $1.to_i.times { |n| client.publish("room", n.to_s) }
        else client.publish("room", data)
        end
      end

      def on_shutdown(client) = client.write("restarting")
      def on_close(client) = client.publish("farewells", "left #{Process.pid}")
    end

    IodineRs.subscribe("farewells") { |_, text| puts "#{Process.pid} heard #{text}" }
    run lambda { |env|
      env["rack.upgrade"] = Room if env["rack.upgrade?"]
      [200, {}, []]
    }
  RUBY

  def part(client)
    client.goodbye
    client.close
  end

  # Clients of different workers; each has its process' number as its id.
  def clients_of_all_workers(server)
    found = {}
    eventually do
      client = WebSocketClient.new(server, "/")
      client.id = client.read_message.to_i
      found[client.id] ? part(client) : found[client.id] = client
      @clients = found.values
      found.size == booted(server).size
    end
    @clients
  end

  # A stopping server waits for clients that do not answer its Close.
  after { @clients&.each(&:close) }

  it "B-24: reach the clients of every worker, once" do
    server = cluster(app, workers: 3)
    clients = clients_of_all_workers(server)
    clients.each_with_index { |client, n| client.text("from #{n}") }
    heard = clients.map { |client| client.read_messages(3) }
    expect(heard).to all(contain_exactly("from 0", "from 1", "from 2"))
    expect(clients.first).to be_silent
  end

  it "B-24: stay in the process where that is asked for" do
    server = cluster(app)
    one, other = clients_of_all_workers(server)
    one.text("local news")
    expect(one.read_message).to eq("news")
    expect(other).to be_silent
  end

  it "B-25: keep the order of a publisher" do
    server = cluster(app)
    one, other = clients_of_all_workers(server)
    one.text("many 3000")
    expect(other.read_messages(3000)).to eq((0...3000).map(&:to_s))
  end

  it "may be large" do
    server = cluster(app)
    one, other = clients_of_all_workers(server)
    one.text("large 5000000")
    expect(other.read_message.size).to eq(5_000_000)
  end

  it "come from threads of the master, and reach its subscriptions" do
    server = cluster(<<~'RUBY' + app)
      Thread.new { loop { sleep 0.05; IodineRs.publish("room", "tick of #{Process.pid}") } }
    RUBY
    clients = clients_of_all_workers(server)
    expect(clients.map(&:read_message)).to eq(["tick of #{server.pid}"] * 2)
    pid = booted(server).first
    clients.each { |client| part(client) }
    server.wait_for_stdout(/^#{server.pid} heard left #{pid}$/)
  end

  it "come from before_fork-time code later on" do
    server = cluster(app, files: { "config/iodine_rs.rb" => <<~'RUBY' })
      before_fork { Thread.new { loop { sleep 0.05; IodineRs.publish("room", "tick") } } }
    RUBY
    expect(clients_of_all_workers(server).map(&:read_message)).to eq(%w[tick tick])
  end

  it "arrive, even those of on_close while the server stops" do
    server = cluster(app)
    clients = clients_of_all_workers(server)
    server.signal("INT")
    expect(clients.map { |client| client.finish.tap { client.close }.code }).to eq([1001, 1001])
    server.wait_exit
    expect(server.stdout.scan(/^#{server.pid} heard left (\d+)$/).flatten.map(&:to_i).uniq).to match_array(booted(server))
  end

  it "B-30: USR1 says goodbye to sockets, and new workers take part" do
    server = cluster(app)
    old = clients_of_all_workers(server)
    server.signal("USR1")
    endings = old.map { |client| Thread.new { client.finish.tap { client.close } } }.map(&:value)
    expect(endings).to all(have_attributes(messages: ["restarting"], code: 1001))
    await_workers(server, 4)
    @clients = [WebSocketClient.new(server, "/"), WebSocketClient.new(server, "/")]
    one, other = @clients
    [one, other].each(&:read_message)
    one.text("hello")
    expect(other.read_message).to eq("hello")
  end

  it "a stopped worker delays nobody, and gets what it missed" do
    server = cluster(app, workers: 3)
    clients = clients_of_all_workers(server)
    talker, listener, *, last = clients
    Process.kill("STOP", last.id)
    talker.text("many 2000")
    expect([talker, listener].map { |client| client.read_messages(2000).size }).to eq([2000, 2000])
    Process.kill("CONT", last.id)
    expect(last.read_messages(2000).size).to eq(2000)
  end

  it "drop what is too much for a worker that does not read, with a line" do
    server = cluster(app, args: %w[--set max_relay=100000])
    one, _other = clients_of_all_workers(server)
    one.text("large 200000")
    server.wait_for_stderr(/1 publications did not reach other processes: too many wait for them already \(max_relay\)/)
    expect(one.read_message.size).to eq(200_000)
  end

  it "drop many with few lines, which tell how many they were" do
    server = cluster(app, args: %w[--set max_relay=1000])
    one, _other = clients_of_all_workers(server)
    one.text("dropped 500")
    expect(one.read_messages(500).size).to eq(500)
    eventually { server.stderr.scan(/(\d+) publications did not reach/).flatten.sum(&:to_i) == 500 }
    expect(server.stderr.lines.size).to be <= 2
  end

  it "drop what is too much for a worker that does not read, also in the master" do
    server = cluster(<<~'RUBY' + app, args: %w[--set max_relay=1000])
      Thread.new do
        sleep 0.05 until File.exist?("go")
        300.times { IodineRs.publish("room", "x" * 2000) }
      end
    RUBY
    let_go(server)
    # For both workers.
    eventually { server.stderr.scan(/(\d+) publications were dropped: a process has 1000 bytes of them waiting/).flatten.sum(&:to_i) == 600 }
    expect(server.stderr.lines.size).to be <= 4
  end

  it "B-24: bring the last words of a worker: of its hooks, of on_finish, of at_exit" do
    server = cluster(<<~'RUBY', files: { "config/iodine_rs.rb" => <<~'CONFIG' })
      IodineRs.subscribe("farewells") { |_, text| $stdout.write("#{Process.pid} heard #{text}\n") }
      IodineRs.on_state(:on_finish) { IodineRs.publish("farewells", "finish of #{Process.pid}") }
      at_exit { IodineRs.publish("farewells", "exit of #{Process.pid}") }
      run ->(_env) { [200, {}, []] }
    RUBY
      preload_app! false
      on_worker_shutdown { IodineRs.publish("farewells", "shutdown of #{Process.pid}") }
    CONFIG
    leaving, staying = booted(server)
    Process.kill("TERM", leaving)
    %w[shutdown finish exit].each { |word| server.wait_for_stdout(/#{staying} heard #{word} of #{leaving}$/) }
  end
end
