# frozen_string_literal: true

require_relative "../http"
require_relative "../nginx"

module Wire
  # nginx in front of a server. Front and back have to agree about the end of each request: its one connection to the back
  # carries everything, so a byte that one of them counts otherwise shows in the next answer.
  class Front
    include RSpec::Matchers

    CONFIG = Nginx.configuration(<<~CONF).freeze
      underscores_in_headers on;
      ignore_invalid_headers off;
      client_max_body_size 0;
      upstream back { server BACK; keepalive 1; }
      server {
        listen FRONT;
        location / {
          proxy_pass http://back;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_request_buffering off;
          proxy_next_upstream off;
        }
      }
    CONF
    CANARY = "GET /canary HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n".b
    # Seconds without a byte after which the front waits for more.
    SILENCE = 0.3
    private_constant :CONFIG, :CANARY, :SILENCE

    @fronts = {}

    class << self
      # The one before that server.
      def of(server) = @fronts[server.port] ||= new(server)

      def stop_all = @fronts.each_value(&:stop)
    end

    def initialize(server)
      @server = server
      @nginx = Nginx.new(CONFIG, listen: "FRONT", replace: { "BACK" => "127.0.0.1:#{server.port}" })
    end

    # Sends the bytes with a canary behind: it is answered by itself or not at all, the app runs for nothing but what is
    # answered, and the next client gets an answer of its own.
    def check(bytes)
      before = runs
      answers = answers_to(bytes)
      canary = answers.index { |seen| seen && seen[:env]["PATH_INFO"] == "/canary" }
      expect(canary).to be_nil.or eq(answers.size - 1)
      expect(answers[canary][:body]).to eq("") if canary
      expect(runs - before).to eq(answers.size), "the app ran for something that was not answered"
      expect(seen(Http.get(@nginx.port, "/probe").body)[:env]["PATH_INFO"]).to eq("/probe")
    end

    def stop = @nginx.stop

    private

    # What the app saw, for each of its answers; nil for the answer to a HEAD.
    def answers_to(bytes)
      socket = @nginx.connect
      socket.offer(bytes + CANARY)
      socket.read_available(SILENCE).split(%r{HTTP/1\.1 (?=\d{3} )}n).select { |answer| answer.start_with?("200") }
            .map { |answer| answer.split("\r\n\r\n", 2).last }.map { |body| body.empty? ? nil : seen(body) }
    ensure
      socket&.close
    end

    def seen(body) = Marshal.load(body) # from our own app

    def runs = Integer(Http.get(@server, "/calls").body)
  end
end

# Children that specs fork end here, too; nginx is their parent's.
owner = Process.pid
at_exit { Wire::Front.stop_all if Process.pid == owner }
