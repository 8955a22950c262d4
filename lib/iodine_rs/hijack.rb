# frozen_string_literal: true

require "socket"
require "iodine_rs/addresses"

module IodineRs
  # `env["rack.hijack"]`, and `env["puma.socket"]` as well (drop-in row E-25). Called, or written to as the socket that it
  # stands for, it takes the connection from the server: what the app returns then means nothing, and the app closes. What
  # it tells of the connection's ends takes nothing. Its native part is ext/iodine_rs/src/rack/hijack.rs.
  class Hijack
    include Addresses

    # What takes the connection.
    TAKING = %i[write << print puts printf putc syswrite write_nonblock send sendmsg close close_write shutdown].freeze
    private_constant :TAKING

    TAKING.each { |name| define_method(name) { |*words, **named| call.public_send(name, *words, **named) } }

    # The server's address.
    def local_address = address(ends.first)

    # The client's, as REMOTE_ADDR of a server that listens to no field has it.
    def remote_address = address(ends.last)

    # Of a Unix socket.
    def path = local_address.unix_path

    # Whether the client has left, or the connection is the server's again; once it is taken, whether it was closed.
    def closed? = taken ? taken.closed? : gone?

    # The IO, once it is taken. IO.select asks for it.
    def to_io = taken || refuse(:to_io)

    def do_not_reverse_lookup = BasicSocket.do_not_reverse_lookup

    private

    def address(place) = place.is_a?(Array) ? Addrinfo.tcp(*place) : Addrinfo.unix(place.to_s)

    # Whatever else a socket can, it can once it is taken. Before, the server reads from it.
    def method_missing(name, ...)
      return taken.public_send(name, ...) if taken
      TCPSocket.method_defined?(name) ? refuse(name) : super
    end

    def refuse(name)
      raise IOError, "#{name}: the server reads from this connection until it is taken: env[\"rack.hijack\"].call is the " \
                     "socket; `closed?` tells whether the client has left"
    end

    def respond_to_missing?(name, private = false) = taken ? taken.respond_to?(name, private) : super
  end
end
