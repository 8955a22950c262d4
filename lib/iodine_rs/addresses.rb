# frozen_string_literal: true

require "socket"

module IodineRs
  # What a socket tells of both ends of a connection, for objects that stand for it and have `local_address` and
  # `remote_address`.
  module Addresses
    # The server's address in the form of IPSocket#addr or UNIXSocket#addr.
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
      return ["AF_UNIX", address.unix_path] if address.unix?

      lookup = !do_not_reverse_lookup if lookup.nil?
      host = [true, :hostname].include?(lookup) ? address.getnameinfo.first : address.ip_address
      [address.ipv6? ? "AF_INET6" : "AF_INET", address.ip_port, host, address.ip_address]
    end
  end
end
