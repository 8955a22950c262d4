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

  it "may take a channel and a message only, as iodine's do" do
    server = serve(<<~'RUBY')
      class Old < IodineRs::PubSub::Engine
        def publish(to, message) = IodineRs.publish(to, "old: #{message}", false)
      end
      seen = Queue.new
      IodineRs.subscribe("room") { |_, text| seen << text }
      run(lambda do |_env|
        IodineRs.publish("room", "hi", Old.new)
        [200, {}, [seen.pop(timeout: 5).to_s]]
      end)
    RUBY
    expect(Http.get(server).body).to eq("old: hi")
  end

  it "P-14: is the default where none is named, also by nil; the constants may be the default" do
    server = serve(<<~'RUBY')
      class Told < IodineRs::PubSub::Engine
        def publish(_, message, binary: false) = ($told ||= []) << [message, binary]
      end
      pub_sub = IodineRs::PubSub
      run(lambda do |_env|
        pub_sub.default = Told.new
        pub_sub.publish("a", "1", nil)
        pub_sub.publish(to: "a", message: "2", engine: nil, as: :binary)
        pub_sub.publish("a", "3", false)
        errors = [7, "engine", true].map { |engine| pub_sub.publish("a", "b", engine) rescue $!.class }
        constants = [pub_sub::PROCESS, pub_sub::CLUSTER].map { |engine| (pub_sub.default = engine) && pub_sub.publish("a", "4") }
        [200, {}, [[$told, errors, constants].inspect]]
      end)
    RUBY
    told = [["1", false], ["2", true]]
    expect(Http.get(server).body).to eq([told, [TypeError] * 3, [true, true]].inspect)
  end
end
