# frozen_string_literal: true

require_relative "raw_socket"

# One-shot requests over a fresh connection, for specs that do not care about the bytes.
module Http
  module_function

  # Http.get(server, "/path", { "x-a" => "1" }) => Response
  def get(server, path = "/", headers = {}, **) = request(server, "GET", path, headers, **)

  # Http.post(server, "/path", "the body", "content-type" => "text/plain") => Response
  def post(server, path, body, headers = {}, **) = request(server, "POST", path, headers, body:, **)

  # Sends one request and closes the connection afterwards. `server` is anything with `connect`, or a port.
  def request(server, method, path, headers = {}, body: nil, limit: RawSocket::LIMIT)
    socket = server.is_a?(Integer) ? RawSocket.new(server) : server.connect
    socket.request(head(method, path, headers, body) + body.to_s.b, head: method == "HEAD", limit:)
  ensure
    socket&.close
  end

  # The bytes of a request's head.
  def head(method, path, headers, body = nil)
    fields = { "host" => "localhost", "connection" => "close" }
    fields["content-length"] = body.bytesize if body
    fields.merge!(headers.transform_keys { |name| name.to_s.downcase })
    "#{method} #{path} HTTP/1.1\r\n#{fields.map { |name, value| "#{name}: #{value}\r\n" }.join}\r\n".b
  end
end
