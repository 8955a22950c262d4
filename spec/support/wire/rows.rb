# frozen_string_literal: true

require_relative "../server_process"
require_relative "bytes"
require_relative "front"
require_relative "outcome"

# The wire catalogue: tables whose rows read [number, description, bytes, outcome].
module Wire
  # Rows that no example can show, or for which there is nothing to show. H1 to H18 are HTTP/2's, which is not spoken; its
  # preface is row 154, ALPN is T3.
  ELSEWHERE = {
    "W31" => "no compression is offered (W30)", "W36" => "HTTP/2 is not spoken",
    "F20" => "rake asan", "F21" => "rake models, rust:tsan, rust:miri", "F26" => "rake soak", "F27" => "rake soak:crowd"
  }.freeze

  # Extends an example group with tables and the words they are written in.
  module Rows
    include Bytes

    ECHO = File.expand_path("echo.ru", __dir__)

    # The path of the echo app, served by a process that the group shares.
    def echo_server(*args)
      key = [:echo, *args]
      define_method(:server) { ServerProcess.shared(key, rackup: ECHO, args:) }
    end

    # What is sent in more than one piece, paths of the echo app that answer something else, and HTTP/0.9, which nginx
    # answers without a head.
    DIRECT = ->(bytes) { !bytes.is_a?(String) || bytes.match?(%r{ /(slow|stream|refuse)|\A\w+ \S+\r\n}n) }
    private_constant :DIRECT

    # Two examples per row: with the server itself, and with nginx in front of it.
    def rows(table)
      table.each do |number, description, bytes, outcome|
        it("row #{number}: #{description}") { outcome.check(server, bytes) }
        it("row #{number}, behind nginx: #{description}") { Front.of(server).check(bytes) } unless DIRECT.call(bytes)
      end
    end

    # Answered with 200; one body the app saw for each request. The connection is kept, or what `ending` says.
    def served(*bodies, ending: :keeps, **) = Outcome.new(bodies, ending, **)

    # Refused with an empty response and a closed connection, after as many answered requests as there are bodies.
    def refused(status, *bodies, log: Outcome::SYNTAX_ERRORS.include?(status) ? Outcome::PARSE_ERROR : nil)
      Outcome.new([*bodies, status], :closes, log:)
    end

    # Neither answered nor closed (for now).
    def waits = Outcome.new([], :waits)

    # Closed with no more than a 400; the app does not run.
    def cut = Outcome.new([], :cut)
  end
end
