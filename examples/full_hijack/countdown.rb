# frozen_string_literal: true

# A whole HTTP response by hand. The end of the connection is the end of the body, so the head says so.
class Countdown
  PAUSE = Float(ENV.fetch("PAUSE", "1"))
  HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"

  def initialize(socket)
    @socket = socket
  end

  def run
    @socket.write(HEAD)
    5.downto(1) do |seconds|
      @socket.write("#{seconds}\n")
      sleep PAUSE
    end
    @socket.write("lift-off\n")
  rescue Errno::EPIPE, Errno::ECONNRESET
    # The client left before the end of the countdown.
  ensure
    @socket.close
  end
end
