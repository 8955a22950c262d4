# frozen_string_literal: true

require "socket"

module Differential
  # What a server makes of some bytes and the plain request behind them: "2 closes", "1 refuses", "0 waits".
  class Conversation
    # Sent behind everything, so that a server that agrees about the end of the first request answers this one by itself.
    CANARY = "GET /canary HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n".b.freeze
    # Seconds of silence after which a server waits for more.
    SILENCE = 1.5
    private_constant :SILENCE

    # @return [String] how many requests were answered with 2xx, and what came then: refuses (4xx or 5xx, and the end),
    #   closes, waits, or goes_on (an answer behind a refusal)
    def self.outcome(port, bytes) = new(port).outcome(bytes)

    def initialize(port)
      @socket = TCPSocket.new("127.0.0.1", port)
      @answer = "".b
    end

    def outcome(bytes)
      send_all(bytes + CANARY)
      ended = read
      statuses = @answer.scan(/(?:\A|\r\n|ok)HTTP\/1\.[01] (\d{3})/n).flatten.map(&:to_i).reject { |status| status < 200 }
      served = statuses.count { |status| status < 300 }
      "#{served} #{ending(statuses, ended)}"
    ensure
      @socket.close
    end

    private

    def ending(statuses, ended)
      refused = statuses.index { |status| status >= 300 }
      return "goes_on" if refused && (refused < statuses.size - 1 || !ended)
      return "refuses" if refused

      ended ? "closes" : "waits"
    end

    def send_all(bytes)
      @socket.write(bytes)
    rescue SystemCallError
      # It has closed already; what it said is there.
    end

    def read
      while @socket.wait_readable(SILENCE)
        part = @socket.read_nonblock(65_536, exception: false)
        return true if part.nil?

        @answer << part if part.is_a?(String)
      end
      false
    rescue SystemCallError
      true
    end
  end
end
