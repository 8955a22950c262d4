# frozen_string_literal: true

require_relative "../server_process"
require_relative "bytes"
require_relative "outcome"

# The wire catalogue: tables whose rows read [number, description, bytes, outcome].
module Wire
  # Rows without an example: what the server does not have yet, and what they come with.
  LATER = {
    264 => "a worker that dies: the cluster"
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

    # One example per row.
    def rows(table)
      table.each do |number, description, bytes, outcome|
        it("row #{number}: #{description}") { outcome.check(server, bytes) }
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
