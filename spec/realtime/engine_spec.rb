# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/websocket_client"

RSpec.describe "An engine of one's own" do
  config = <<~'RUBY'
    class Told < IodineRs::PubSub::Engine
      def publish(to, message, binary: false)
        puts "#{Process.pid} publishes #{to} #{message} #{binary}"
        IodineRs::PubSub::CLUSTER.publish(to, "told: #{message}")
      end

      def subscribe(to, match = nil) = puts("#{Process.pid} subscribes #{to} #{match.inspect}")
      def unsubscribe(to, match = nil) = puts("#{Process.pid} unsubscribes #{to} #{match.inspect}")
    end

    $told = Told.new
    before_fork { IodineRs::PubSub.attach($told) }
    IodineRs::PubSub.default = $told
  RUBY

  app = <<~'RUBY'
    module Room
      extend self

      def on_open(client)
        client.subscribe("room")
        client.subscribe("r*", match: :redis) if client.env["QUERY_STRING"] == "pattern"
        client.write("opened")
      end

      def on_message(client, data) = client.publish("room", data)
    end

    IodineRs::PubSub.attach($told) if IodineRs.workers.zero?
    run ->(env) { env["rack.upgrade"] = Room if env["rack.upgrade?"]; [200, {}, []] }
  RUBY

  def connect(server, path = "/") = WebSocketClient.new(server, path).tap(&:read_message)

  it "hears of the first and the last subscriber, and publishes" do
    server = serve(app, files: { "config/iodine_rs.rb" => config })
    one, other = connect(server), connect(server, "/?pattern")
    one.text("hello")
    expect(one.read_message).to eq("told: hello")
    [one, other].each(&:close)
    server.wait_for_stdout(/unsubscribes r\* :redis/)
    server.wait_for_stdout(/unsubscribes room nil/)
    expect(server.stdout.scan(/ subscribes .*/)).to eq([" subscribes room nil", " subscribes r* :redis"])
  end

  it "in a cluster hears in the master of the subscribers of all processes" do
    server = cluster(app, workers: 3, files: { "config/iodine_rs.rb" => config })
    clients = Array.new(9) { connect(server) }
    clients.first.text("hello")
    expect(clients.map(&:read_message)).to all(eq("told: hello"))
    clients.each(&:close)
    server.wait_for_stdout(/^#{server.pid} unsubscribes room nil/)
    expect(server.stdout.scan(/^(\d+) subscribes room/).flatten).to eq([server.pid.to_s])
  end

  it "forgets the subscribers of a worker that died" do
    server = cluster(app, workers: 1, files: { "config/iodine_rs.rb" => config })
    connect(server)
    server.wait_for_stdout(/ subscribes room/)
    Process.kill("KILL", booted(server).first)
    server.wait_for_stdout(/ unsubscribes room/)
  end

  it "may fail without consequences" do
    server = serve(app, files: { "config/iodine_rs.rb" => config.sub('puts("#{Process.pid} subscribes', 'raise("no way') })
    client = connect(server)
    server.wait_for_stderr(/Told#subscribe: .*no way/)
    client.text("hello")
    expect(client.read_message).to eq("told: hello")
  end

  it "has to be one" do
    server = serve("begin; IodineRs::PubSub.attach(7); rescue TypeError => e; puts e.message; end\nrun ->(_) { [200, {}, []] }")
    server.wait_for_stdout(/an engine is an IodineRs::PubSub::Engine, not Integer/)
  end
end
