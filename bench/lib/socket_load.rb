# frozen_string_literal: true

require "json"
require "open3"
require_relative "server_list"

module Bench
  # One kind of real-time load, as bench/load_client knows it.
  SocketLoad = Data.define(:kind, :title, :sockets, :bytes) do
    def self.fetch(kind)
      SOCKET_LOADS.fetch(kind) { raise ArgumentError, "no load #{kind.inspect}; there are: #{SOCKET_LOADS.keys.join(", ")}" }
    end

    def self.client = File.join(ROOT, "bench/load_client/target/release/load_client")

    # { messages:, seconds:, p50_us:, p99_us: } of a load on that port.
    def run(port, seconds)
      output, status = Open3.capture2e(self.class.client, kind, port.to_s, sockets.to_s, seconds.to_s, bytes.to_s)
      raise "load_client #{kind}: #{output}" unless status.success?

      JSON.parse(output, symbolize_names: true)
    end

    # Yields while the sockets are open and silent.
    def hold(port)
      Open3.popen2(self.class.client, kind, port.to_s, sockets.to_s, "0", "0") do |stdin, stdout, _|
        raise "load_client #{kind}: the sockets did not open" unless stdout.gets == "open\n"

        yield.tap { stdin.close }
      end
    end
  end

  SOCKET_LOADS = [
    SocketLoad.new(kind: "echo", title: "WebSocket echo, 64 sockets, 32 bytes", sockets: 64, bytes: 32),
    SocketLoad.new(kind: "broadcast", title: "Broadcast to 1,000 WebSockets, 100 bytes", sockets: 1000, bytes: 100),
    SocketLoad.new(kind: "channels", title: "100 channels of 100 WebSockets, 100 bytes", sockets: 10_000, bytes: 100),
    SocketLoad.new(kind: "sse", title: "Broadcast to 1,000 event streams, 100 bytes", sockets: 1000, bytes: 100),
    SocketLoad.new(kind: "idle", title: "10,000 idle WebSockets", sockets: 10_000, bytes: 0)
  ].to_h { |load| [load.kind, load] }.freeze
end
