# frozen_string_literal: true

require_relative "raw_socket"

# Clients that ask all the time, each on a new connection or on one that is kept. Every request has a number of its own,
# which has to come back.
class Load
  # An app that answers with the number and its process; /slow takes a while.
  APP = <<~'RUBY'
    run lambda { |env|
      sleep 0.02 if env["PATH_INFO"] == "/slow"
      [200, {}, ["#{env["QUERY_STRING"]} #{Process.pid}"]]
    }
  RUBY

  # Runs it while the block runs; returns it with what it has seen.
  def self.during(server, **)
    load = new(server, **)
    yield load
    load
  ensure
    load&.finish
  end

  # @param clients [Integer] how many ask at once
  # @param keep_alive [Boolean] whether they keep a connection until the server says that it closes it
  # @param limit [Numeric] seconds until an answer has to be there
  def initialize(server, clients: 4, path: "/", keep_alive: false, limit: RawSocket::LIMIT)
    @server = server
    @path = path
    @keep_alive = keep_alive
    @limit = limit
    @ends = Queue.new
    @number = 0
    @lock = Mutex.new
    @running = true
    @threads = Array.new(clients) { Thread.new { ask_all_the_time } }
  end

  def finish
    @running = false
    @threads.each(&:join)
  end

  # How requests have ended so far: :answered, :refused (no connection), :lost (no complete answer), :wrong, :late, or a
  # status above 399.
  def ends
    @tally ||= Hash.new(0)
    @tally[@ends.pop] += 1 until @ends.empty?
    @tally
  end

  def answered = ends[:answered]

  # Everything but answers.
  def failures = ends.except(:answered)

  private

  def ask_all_the_time
    socket = nil
    while @running
      number = @lock.synchronize { @number += 1 }
      socket, result = ask(socket, number)
      @ends << result
    end
  ensure
    socket&.close
  end

  # The connection, if it goes on, and how it went.
  def ask(socket, number)
    socket ||= @server.connect
    response = socket.request("GET #{@path}?#{number} HTTP/1.1\r\nhost: x\r\n\r\n", limit: @limit)
    kept = @keep_alive && !response.close?
    socket.close unless kept
    [kept ? socket : nil, judge(response, number)]
  rescue Errno::ECONNREFUSED
    [nil, :refused]
  rescue RawSocket::TimeUp
    socket.close
    [nil, :late]
  rescue SystemCallError, Response::Truncated
    socket&.close
    [nil, :lost]
  rescue Response::Malformed
    socket.close
    [nil, :wrong]
  end

  def judge(response, number)
    return response.status unless response.status == 200

    response.body.start_with?("#{number} ") ? :answered : :wrong
  end
end
