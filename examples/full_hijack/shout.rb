# frozen_string_literal: true

# A line protocol after `101 Switching Protocols`: what the client says comes back in capitals.
class Shout
  HEAD = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: shout\r\n\r\n"
  LONGEST_LINE = 1024

  def initialize(socket)
    @socket = socket
  end

  def run
    @socket.write(HEAD)
    while (line = @socket.gets("\n", LONGEST_LINE))
      @socket.write(line.upcase)
      break if line == "bye\n"
    end
  rescue Errno::EPIPE, Errno::ECONNRESET
    # The client hung up in the middle of a line.
  ensure
    @socket.close
  end
end
