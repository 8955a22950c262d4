# frozen_string_literal: true

require "socket"

module IodineRs
  # What `rack.hijack` gives on an encrypted port: a socket on which the app reads and writes what the client does. The
  # server encrypts at its other end. Asked for addresses, it has those of the connection with the client.
  class EncryptedSocket < UNIXSocket
    # Host and port of each side; nil where the client had gone before they could be asked for. Called by the bridge.
    def stand_for(local, peer)
      @local, @peer = [local, peer].map { |place| place && Addrinfo.tcp(*place) }
    end

    # The server's address.
    def local_address = @local || raise(Errno::ENOTCONN)

    # The client's.
    def remote_address = @peer || raise(Errno::ENOTCONN)

    # The server's address in the form of IPSocket#addr.
    #
    # @param lookup [Boolean, Symbol, nil] whether the host is named: true or :hostname, false or :numeric
    def addr(lookup = nil) = fields(local_address, lookup)

    # The client's; see `addr`.
    def peeraddr(lookup = nil) = fields(remote_address, lookup)

    # Packed, as for Socket.unpack_sockaddr_in.
    def getsockname = local_address.to_sockaddr
    def getpeername = remote_address.to_sockaddr

    private

    def fields(address, lookup)
      lookup = !do_not_reverse_lookup if lookup.nil?
      host = [true, :hostname].include?(lookup) ? address.getnameinfo.first : address.ip_address
      [address.ipv6? ? "AF_INET6" : "AF_INET", address.ip_port, host, address.ip_address]
    end
  end
end
