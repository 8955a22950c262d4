# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP Host" do
  extend Wire::Rows

  echo_server

  rows [
    [155, "missing", host, refused(400)],
    [156, "empty", host(""), refused(400)],
    [157, "two different", host("a.example", "b.example"), refused(400)],
    [158, "two equal", host("a.example", "a.example"), refused(400)],
    [159, "with a space", host("a b"), refused(400)],
    [160, "with a path", host("a.example/x"), refused(400)],
    [161, "with userinfo", host("u@a.example"), refused(400)],
    [162, "with a port that is a word", host("a.example:http"), refused(400)],
    [163, "with a port above 65535", host("a.example:99999"), refused(400)],
    [164, "with a comma", host("a,b"), refused(400)],
    [165, "with NUL", host("a\0b"), refused(400)],
    [166, "an IPv6 address and a port", host("[::1]:8080"), served("", env: { "SERVER_NAME" => "[::1]", "SERVER_PORT" => "8080", "HTTP_HOST" => "[::1]:8080" })],
    [166, "a name and a port", host("a.example:8080"), served("", env: { "SERVER_NAME" => "a.example", "SERVER_PORT" => "8080" })],
    [166, "a name alone", host("a.example"), served("", env: { "SERVER_NAME" => "a.example", "SERVER_PORT" => "80" })],
    [167, "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", served("", ending: :closes, env: { "SERVER_NAME" => "localhost", "SERVER_PORT" => "80", "HTTP_HOST" => nil })]
  ]
end
