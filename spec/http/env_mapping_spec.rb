# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP fields in the Rack env" do
  extend Wire::Rows

  # What the app sees; nil for a key it must not see.
  def self.env(**env) = served("", env: env.transform_keys(&:to_s))

  echo_server

  https = env("rack.url_scheme" => "https", "SERVER_PORT" => "443", "HTTP_X_FORWARDED_PROTO" => "https")
  https_with_port = env("rack.url_scheme" => "https", "SERVER_PORT" => "8080")

  rows [
    [168, "the dashed name wins when it comes first", get("X-Forwarded-For: 1.1.1.1", "X_Forwarded_For: 6.6.6.6"), env("HTTP_X_FORWARDED_FOR" => "1.1.1.1")],
    [168, "the dashed name wins when it comes last", get("X_Forwarded_For: 6.6.6.6", "X-Forwarded-For: 1.1.1.1"), env("HTTP_X_FORWARDED_FOR" => "1.1.1.1")],
    [168, "mixed names do not add up", get("X_Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.1.1.1"), env("HTTP_X_FORWARDED_FOR" => "1.1.1.1")],
    [169, "an underscored name alone is kept", get("X_Auth_User: root"), env("HTTP_X_AUTH_USER" => "root")],
    [170, "Proxy is dropped", get("Proxy: http://evil.example"), env("HTTP_PROXY" => nil)],
    [171, "Version does not change the protocol", get("Version: HTTP/9.9"), env("SERVER_PROTOCOL" => "HTTP/1.1")],
    [172, "rack.url_scheme is a field like any other", get("rack.url_scheme: https"), env("rack.url_scheme" => "http", "HTTP_RACK.URL_SCHEME" => "https")],
    [172, "rack.input is a field like any other", post("rack.input: x", "Content-Length: 0"), env("HTTP_RACK.INPUT" => "x")],
    [173, "Https changes nothing", get("Https: on"), env("HTTP_HTTPS" => "on", "HTTPS" => nil, "rack.url_scheme" => "http")],
    [174, "repeated fields are joined", get("X-A: 1", "X-B: 0", "X-A: 2"), env("HTTP_X_A" => "1, 2", "HTTP_X_B" => "0")],
    [175, "repeated cookies are joined by a semicolon", get("Cookie: a=1", "Cookie: b=2"), env("HTTP_COOKIE" => "a=1; b=2")],
    [176, "Content-Type twice", post("Content-Type: text/plain", "Content-Type: text/html"), refused(400)],
    [177, "Authorization twice", get("Authorization: Basic YTph", "Authorization: Basic YjpiCg=="), refused(400)],
    [178, "Content-Type without HTTP_", post("Content-Type: text/plain"), env("CONTENT_TYPE" => "text/plain", "HTTP_CONTENT_TYPE" => nil)],
    [178, "Content-Length without HTTP_", post("Content-Length: 0"), env("CONTENT_LENGTH" => "0", "HTTP_CONTENT_LENGTH" => nil)],
    [178, "a chunked body has the decoded length", post("Transfer-Encoding: chunked", body: "0\r\n\r\n"), env("CONTENT_LENGTH" => "0", "HTTP_TRANSFER_ENCODING" => nil)],
    [179, "X-Forwarded-Proto: https", get("X-Forwarded-Proto: https"), https],
    [179, "X-Forwarded-Proto: https, and a port in Host", host("a.example:8080\r\nX-Forwarded-Proto: https"), https_with_port],
    [179, "X-Forwarded-Proto: http", get("X-Forwarded-Proto: http"), env("rack.url_scheme" => "http", "SERVER_PORT" => "80")]
  ]

  context "without underscored names" do
    echo_server("--set", "allow_underscore_headers=false")

    rows [
      [169, "an underscored name is dropped", get("X_Auth_User: root", "X-Auth: 1"), env("HTTP_X_AUTH_USER" => nil, "HTTP_X_AUTH" => "1")]
    ]
  end
end
