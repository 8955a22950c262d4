# frozen_string_literal: true

# What clients do together or beside each other.
module Clients
  # Calls the block with 0 to `count` - 1, all at the same time, and returns what they returned. A failure in one of
  # them is the example's.
  def clients(count)
    threads = Array.new(count) do |i|
      Thread.new do
        Thread.current.report_on_exception = false
        yield i
      end
    end
    threads.map(&:value)
  end

  # A request that is refused without the app: when it is answered, the server has seen what came before it on other
  # connections.
  def let_server_look_around(server)
    server.connect.tap { |sock| expect(sock.request("GET / HTTP/1.1\r\n\r\n").status).to eq 400 }.close
  end
end
