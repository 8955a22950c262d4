# frozen_string_literal: true

# The bytes of requests that carry a body.
module Uploads
  def upload(path, body, *fields)
    ["POST #{path} HTTP/1.1", "Host: x", "Content-Length: #{body.bytesize}", *fields, "", ""].join("\r\n").b + body.b
  end

  # `parts` become one chunk each.
  def chunked_upload(path, *parts)
    chunks = [*parts, ""].map { |part| "#{part.bytesize.to_s(16)}\r\n#{part}\r\n".b }
    "POST #{path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".b + chunks.join
  end
end
