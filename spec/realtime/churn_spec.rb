# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

RSpec.describe "opening and closing" do
  app = <<~'RUBY'
    module Room
      extend self

      def on_open(client) = client.subscribe("room")
      def on_message(client, data) = client.write(data)
    end

    run lambda { |env|
      env["rack.upgrade"] = Room if env["rack.upgrade?"]
      GC.start if env["PATH_INFO"] == "/gc"
      [200, {}, [ObjectSpace.count_objects.slice(:T_DATA, :T_HASH, :T_OBJECT).values.sum.to_s]]
    }
  RUBY

  # The process's own pages. Those it shares (Pss) would also count who else runs a Ruby meanwhile.
  def memory(server) = File.read("/proc/#{server.pid}/smaps_rollup")[/^Anonymous:\s+(\d+)/, 1].to_i
  def files(server) = Dir.children("/proc/#{server.pid}/fd").size
  def objects(server) = Http.get(server, "/gc").body.to_i

  # Each of them says something; every third vanishes without a word.
  def churn(server, count)
    count.times do |n|
      client = WebSocketClient.new(server, "/")
      client.ask("hello")
      n % 3 == 0 ? client.reset : client.goodbye
      client.close
    end
  end

  it "5,000 sockets leaves memory, objects and descriptors as they were", limit: 120 do
    # A thread that is started late brings its own heap.
    server = serve(app, args: ["-t", "5:5"])
    # Until Ruby's heap and the allocators have the size that this load needs.
    churn(server, 5000)
    before = [objects(server), memory(server)]
    idle = files(server)
    churn(server, 5000)
    eventually { files(server) <= idle }
    expect(objects(server)).to be_within(50).of(before.first)
    expect(memory(server)).to be < before.last * 1.05
  end
end
