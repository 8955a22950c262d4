# frozen_string_literal: true

require_relative "../eventually"
require_relative "../http"

module Wire
  # What has to reach the client of an app of the catalogue, and what becomes of the connection.
  class Reply
    include RSpec::Matchers

    # @param status [Integer, nil] nil: any, for apps whose thread is lost
    # @param body [String] what arrives of the body
    # @param headers [Hash] name => Array of values (nil: absent)
    # @param chunks [Array<String>, nil] the parts of the chunked body
    # @param pattern [Regexp, nil] what the bytes of the response match
    # @param ending [Symbol] :kept, :closes, :broken (inside the body), :either (a 500 or nothing at all)
    # @param log [Regexp, nil] what appears on stderr; %PATH% in it stands for the request's path
    def initialize(status, body, ending: :kept, headers: {}, chunks: nil, pattern: nil, log: nil)
      @status = status
      @body = body
      @ending = ending
      @headers = headers
      @chunks = chunks
      @pattern = pattern
      @log = log
    end

    # Requests the path, checks the response, and that the server then answers others.
    def check(server, path)
      printed = server.stderr.size
      socket = server.connect
      check_response(read(socket, path))
      finish(socket)
      expect(Http.get(server, "/fine").body).to eq("fine")
      check_log(server, printed, path)
    ensure
      socket&.close
    end

    private

    def read(socket, path)
      response = socket.request("GET #{path} HTTP/1.1\r\nHost: a.example\r\n\r\n")
      expect(@ending).not_to eq(:broken), "the response is complete: #{response.inspect}"
      response
    rescue Response::Truncated => e
      raise unless @ending == :broken || (@ending == :either && e.response.raw.empty?)

      e.response
    end

    def check_response(response)
      @response = response
      return if @ending == :either && response.raw.empty?

      expect(response.status).to eq(@status)
      expect(response.body).to eq(@body.b)
      expect(response.chunks).to eq(@chunks) if @chunks
      expect(response.headers.slice(*@headers.keys)).to eq(@headers.compact)
      expect(response.raw).to match(@pattern) if @pattern
    end

    # After a failure the server may close, but then it must have said so; otherwise the next response is in its place.
    def finish(socket)
      closes = %i[closes broken].include?(@ending) || @response.close? || @response.raw.empty?
      expect(@response).to be_close if @ending == :closes
      return expect(socket.read_to_end).to eq("") if closes

      expect(socket.request("GET /fine HTTP/1.1\r\nHost: a.example\r\n\r\n").body).to eq("fine")
    end

    def check_log(server, printed, path)
      return unless @log

      pattern = Regexp.new(@log.source.gsub("%PATH%", Regexp.escape(path)), @log.options)
      Eventually.eventually(message: "not logged: #{pattern}") { server.stderr[printed..].match?(pattern) }
    end
  end
end
