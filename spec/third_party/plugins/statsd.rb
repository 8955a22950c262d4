# frozen_string_literal: true

require "socket"

module ThirdParty
  # A statsd that remembers the last value of each gauge.
  class Statsd
    def initialize
      @socket = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
      @gauges = {}
    end

    def port = @socket.addr[1]

    # Waits until all these have these values.
    def await(expected, limit: Eventually::LIMIT)
      deadline = Eventually.now + limit
      until expected.all? { |name, value| @gauges[name] == value }
        raise Eventually::TimeUp, "#{expected} expected, last: #{@gauges}" unless @socket.wait_readable([deadline - Eventually.now, 0].max)

        take(@socket.recv(2_000))
      end
    end

    # Values since the last call count no more.
    def forget = @gauges.clear

    private

    # name:value|g|#tag:value,…
    def take(packet)
      packet.each_line do |line|
        name, value, tags = line.match(/\A([^:]+):([\d.]+)\|[gc](?:\|#(.*))?/)&.captures
        type = tags && tags[/type:(\w+)/, 1]
        @gauges[[name, type].compact.join(" ")] = value.to_f
      end
    end
  end
end
