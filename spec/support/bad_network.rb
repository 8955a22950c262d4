# frozen_string_literal: true

require "socket"

# A way to a server as a bad network makes it: what goes in comes out in pieces of any size, late and in bursts, in both
# directions. Delay, loss and reordering of packets look like that to both ends of a TCP connection.
class BadNetwork
  # Bytes of a piece, and seconds between two, at most.
  PIECE = 1_500
  PAUSE = 0.01
  # Every so many pieces one is lost: it comes again when the sender's timer says so, and all others wait behind it.
  LOST = 40
  TIMER = 0.1

  # Yields it, and ends it afterwards.
  def self.to(server, seed:)
    network = new(server.port, seed)
    yield network
  ensure
    network&.close
  end

  attr_reader :port

  def initialize(target, seed)
    @target = target
    @seeds = Random.new(seed)
    @listener = TCPServer.new("127.0.0.1", 0)
    @port = @listener.local_address.ip_port
    @threads = [Thread.new { accept }]
  end

  def connect(**) = RawSocket.new(port, **)

  def close
    @listener.close
    @threads.each(&:kill).each(&:join)
  end

  private

  def accept
    loop do
      client = @listener.accept
      server = TCPSocket.new("127.0.0.1", @target)
      [client, server].each { |socket| socket.setsockopt(:TCP, :NODELAY, true) }
      [[client, server], [server, client]].each { |from, to| @threads << Thread.new(Random.new(@seeds.rand(2**32))) { |dice| carry(from, to, dice) } }
    end
  rescue IOError
    # Closed.
  end

  def carry(from, to, dice)
    loop do
      bytes = from.readpartial(1 + dice.rand(PIECE))
      sleep(dice.rand(LOST).zero? ? TIMER : dice.rand * PAUSE)
      to.write(bytes)
    end
  rescue EOFError
    to.close_write unless to.closed?
  rescue SystemCallError, IOError
    [from, to].each { |socket| socket.close unless socket.closed? }
  end
end
