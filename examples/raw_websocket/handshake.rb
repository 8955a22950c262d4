# frozen_string_literal: true

require "digest/sha1"

# The opening of a WebSocket (RFC 6455, section 4.2) as a Rack response.
class Handshake
  # Joined to the client's key and hashed, it proves that the server meant to open a WebSocket.
  MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  def initialize(env)
    @env = env
  end

  # The 101 whose body is +conversation+, or the error the client has to hear.
  def answer(&conversation)
    return refuse(400, "Not a WebSocket handshake\n") unless handshake?
    return refuse(426, "Only version 13\n", "sec-websocket-version" => "13") unless version == "13"

    [101, { "upgrade" => "websocket", "connection" => "upgrade", "sec-websocket-accept" => accept }, conversation]
  end

  private

  def handshake?
    @env["REQUEST_METHOD"] == "GET" && @env["HTTP_UPGRADE"].to_s.casecmp?("websocket") &&
      @env["HTTP_CONNECTION"].to_s.downcase.split(/\s*,\s*/).include?("upgrade") &&
      key.unpack1("m").bytesize == 16
  end

  def version
    @env["HTTP_SEC_WEBSOCKET_VERSION"]
  end

  def key
    @env["HTTP_SEC_WEBSOCKET_KEY"].to_s
  end

  def accept
    Digest::SHA1.base64digest(key + MAGIC)
  end

  def refuse(status, text, headers = {})
    [status, { "content-type" => "text/plain", **headers }, [text]]
  end
end
