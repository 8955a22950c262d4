# frozen_string_literal: true

require "socket"
require "iodine_rs/addresses"

module IodineRs
  # What `rack.hijack` gives on an encrypted port: a socket on which the app reads and writes what the client does. The
  # server encrypts at its other end. Asked for addresses and options, it has those of the connection with the client.
  class EncryptedSocket < UNIXSocket
    include Addresses

    # A copy of the connection's socket, then host and port of each side; nil where the client had gone before they could
    # be asked for. Called by the bridge.
    def stand_for(connection, local, peer)
      @connection = connection
      @local, @peer = [local, peer].map { |place| place && Addrinfo.tcp(*place) }
    end

    # The server's address.
    def local_address = @local || raise(Errno::ENOTCONN)

    # The client's.
    def remote_address = @peer || raise(Errno::ENOTCONN)

    # Options of the connection, as those of BasicSocket.
    def setsockopt(...) = @connection.setsockopt(...)
    def getsockopt(...) = @connection.getsockopt(...)

    # Both descriptors: the connection ends with the last one.
    def close
      @connection.close
      super
    end

    private

    # Each copy is closed for itself.
    def initialize_copy(other)
      super
      @connection = @connection.dup
    end
  end
end
