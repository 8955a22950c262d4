# frozen_string_literal: true

require_relative "../eventually"
require_relative "../http"

module Wire
  # What the server has to do with the bytes of a row: the responses in order, what becomes of the connection, how often
  # the app runs, what it sees and what is logged.
  class Outcome
    include RSpec::Matchers

    PARSE_ERROR = /HTTP parse error, malformed request/
    # Refusals because the bytes are no correct request, so the log tells about them.
    SYNTAX_ERRORS = [400, 414, 431, 505].freeze

    # @param responses [Array<Integer, String>] a refusal's status, or the body the app saw in an answered request
    # @param ending [Symbol] :keeps, :closes (announced by `connection: close`), :ends (not announced), :waits, :cut (no
    #   response but perhaps a 400)
    # @param env [Hash] env entries the app saw in the last answered request (nil: absent)
    # @param headers [Hash] patterns for headers of the last response
    # @param log [Regexp, nil] what appears on stderr
    def initialize(responses, ending, env: {}, headers: {}, log: nil)
      @responses = responses
      @ending = ending
      @env = env
      @headers = headers
      @log = log
    end

    # Sends the packets over a new connection and checks all of it. A packet is bytes, :fin (shuts the sending side),
    # :continue (waits for a 100 Continue) or :quiet (makes sure that nothing comes yet, which keeps two packets apart).
    def check(server, packets)
      printed = server.stderr.size
      runs_before = runs(server)
      socket = server.connect
      send_packets(socket, packets)
      answered = @responses.count { |expected| expected.is_a?(String) }
      read_responses(socket)
      answered += 1 if finish(socket) == :probed
      expect(runs(server) - runs_before).to eq(answered), "the app ran a wrong number of times"
      Eventually.eventually(message: "not logged: #{@log}") { server.stderr[printed..].match?(@log) } if @log
    ensure
      socket&.close
    end

    private

    def send_packets(socket, packets)
      Array(packets).each do |packet|
        case packet
        when :fin then socket.half_close
        when :quiet then expect(socket).to be_silent(0.05)
        when :continue then expect(socket.read_interim.status).to eq(100)
        else socket.offer(packet)
        end
      end
    end

    def read_responses(socket)
      @responses.each do |expected|
        @response = socket.read_response
        expect(@response.interim).to eq([])
        expected.is_a?(Integer) ? check_refusal(expected) : check_answer(expected)
      end
      @headers.each { |name, pattern| expect(@response[name]).to match(pattern) }
    end

    def check_refusal(status)
      expect(@response.status).to eq(status)
      expect(@response["content-length"]).to eq("0")
    end

    def check_answer(body)
      expect(@response.status).to eq(200)
      seen = Marshal.load(@response.body) # from our own app
      expect(seen[:body]).to eq(body.b)
      expect(seen[:env].slice(*@env.keys)).to eq(@env.compact)
    end

    def finish(socket)
      case @ending
      when :keeps then probe(socket)
      when :waits then expect(socket).to be_silent(0.3)
      when :cut then expect(socket.read_to_end).to match(%r{\A(HTTP/1\.1 400 .*)?\z}m)
      else expect_end(socket)
      end
    end

    # A connection that is kept answers the next request.
    def probe(socket)
      expect(socket.request("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n").status).to eq(200)
      :probed
    end

    def expect_end(socket)
      expect(socket.read_to_end).to eq("")
      expect(socket).not_to be_reset
      expect(@response).to be_close if @ending == :closes && @response.version == "1.1"
    end

    def runs(server) = Integer(Http.get(server, "/calls").body)
  end
end
