# frozen_string_literal: true

require "cgi"
require "securerandom"
require "uri"

# A client that keeps cookies and fills in forms, as a person's browser would.
class Browser
  attr_reader :cookies

  def initialize(server)
    @server = server
    @cookies = {}
  end

  def get(path, headers = {}) = remember(Http.get(@server, path, cookie_header.merge(headers)))

  # Sends a form of text fields.
  def post(path, fields, headers = {})
    send_body(path, URI.encode_www_form(fields), "application/x-www-form-urlencoded", headers)
  end

  # Sends a multipart form of text fields and one file, `content` under the field `file`.
  def upload(path, name, content, fields = {})
    boundary = "----#{SecureRandom.hex(8)}"
    parts = fields.map { |key, value| part(boundary, "name=\"#{key}\"", value) }
    parts << part(boundary, "name=\"file\"; filename=\"#{name}\"\r\ncontent-type: text/plain", content)
    send_body(path, "#{parts.join}--#{boundary}--\r\n", "multipart/form-data; boundary=#{boundary}", {})
  end

  # The CSRF token in the form on that page which posts to `action`; Rails gives each form its own.
  def token(path, action)
    CGI.unescapeHTML(get(path).body[/action="#{action}".*?name="authenticity_token" value="([^"]+)"/m, 1])
  end

  private

  def part(boundary, description, content)
    "--#{boundary}\r\ncontent-disposition: form-data; #{description}\r\n\r\n".b << content.b << "\r\n"
  end

  def send_body(path, body, type, headers)
    remember(Http.post(@server, path, body, { "content-type" => type, **cookie_header, **headers }))
  end

  def cookie_header
    cookies.empty? ? {} : { "cookie" => cookies.map { |pair| pair.join("=") }.join("; ") }
  end

  def remember(response)
    response.headers.fetch("set-cookie", []).each do |line|
      name, value = line[/\A[^;]+/].split("=", 2)
      cookies[name] = value
    end
    response
  end
end
