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

  # The memory without what the next collection frees.
  def settled(server)
    Http.get(server, "/gc")
    memory(server)
  end

  # Each of them says something; every third vanishes without a word.
  def churn(server, count)
    count.times do |n|
      client = WebSocketClient.new(server, "/")
      client.ask("hello")
      n % 3 == 0 ? client.reset : client.goodbye
      client.close
    end
  end

  # What each round of so many sockets adds to the memory, in bytes a socket.
  def growth(server, rounds:, sockets:)
    levels = [settled(server)] + Array.new(rounds) do
      churn(server, sockets)
      settled(server)
    end
    levels.each_cons(2).map { |before, after| (after - before) * 1024.0 / sockets }
  end

  # A leak grows in every round. What an allocator takes or gives back now and then is in a few of them: hence the median.
  it "11,000 sockets leaves memory, objects and descriptors as they were", :measures, limit: 120 do
    # One thread: each that serves for the first time brings its own heaps, of 2.5 MB.
    server = serve(app, args: ["-t", "1:1"])
    # Until Ruby's heap and the allocators have the size that this load needs.
    churn(server, 4000)
    before = objects(server)
    idle = files(server)
    expect(growth(server, rounds: 11, sockets: 1000).sort[5]).to be < 100
    expect(objects(server)).to be_within(50).of(before)
    eventually { files(server) <= idle }
  end
end
