# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP request lines" do
  extend Wire::Rows

  # What the app sees of the target.
  def self.path(path, query = "", uri: query.empty? ? path : "#{path}?#{query}", **more)
    served("", env: { "PATH_INFO" => path.b, "QUERY_STRING" => query.b, "REQUEST_URI" => uri.b, **more })
  end

  other = { "HTTP_HOST" => "b.example", "SERVER_NAME" => "b.example", "SERVER_PORT" => "80", "rack.url_scheme" => "http" }
  other_port = { "HTTP_HOST" => "b.example:81", "SERVER_NAME" => "b.example", "SERVER_PORT" => "81" }
  preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

  echo_server

  rows [
    [107, "a method in lower case", line("get / HTTP/1.1"), refused(501)],
    [108, "method FOO", line("FOO / HTTP/1.1"), refused(501)],
    [109, "PROPFIND", line("PROPFIND / HTTP/1.1"), refused(501)],
    [110, "M-SEARCH!", line("M-SEARCH! / HTTP/1.1"), refused(501)],
    [111, "a method of 5,000 bytes", line("#{"A" * 5_000} / HTTP/1.1"), refused(400)],
    [112, "NUL in the method", line("GE\0T / HTTP/1.1"), refused(400)],
    [113, "two spaces", line("GET  / HTTP/1.1"), refused(400)],
    [114, "TAB separators", line("GET\t/\tHTTP/1.1"), refused(400)],
    [115, "SP after the version", line("GET / HTTP/1.1 "), refused(400)],
    [116, "SP in the target", line("GET /a b HTTP/1.1"), refused(400)],
    [117, "NUL in the target", line("GET /a\0b HTTP/1.1"), refused(400)],
    [117, "0x01 in the target", line("GET /a\x01b HTTP/1.1"), refused(400)],
    [118, "a byte above 0x7F in the target", line("GET /\xE9 HTTP/1.1".b), refused(400)],
    [119, "UTF-8 in the target", get(target: "/é?ü=€#ß"), path("/é", "ü=€", "FRAGMENT" => "ß".b)],
    [119, "UTF-8 that breaks off in the target", line("GET /\xC3 HTTP/1.1".b), refused(400)],
    [119, "UTF-8 in an absolute target's host", line("GET http://é.example/ HTTP/1.1"), refused(400)],
    [120, "a quote in the target", line('GET /a"b HTTP/1.1'), refused(400)],
    [121, "< in the target", line("GET /a<b HTTP/1.1"), refused(400)],
    [122, "{}|^ in the target", get(target: "/{a}|b^c"), path("/{a}|b^c")],
    [123, "a backslash in the target", get(target: '/a\b'), path('/a\b')],
    [124, "a backtick in the target", line("GET /a`b HTTP/1.1"), refused(400)],
    [125, "a fragment", get(target: "/a?b#frag"), path("/a", "b", "FRAGMENT" => "frag")],
    [125, "a fragment with a question mark", get(target: "/a#frag?b"), path("/a", "FRAGMENT" => "frag?b")],
    [126, "bad percent-encoding", get(target: "/a%zz"), path("/a%zz")],
    [126, "unfinished percent-encoding", get(target: "/a%"), path("/a%")],
    [127, "percent-encoding stays", get(target: "/a%2Fb%2e%2e/x"), path("/a%2Fb%2e%2e/x")],
    [128, "an encoded NUL stays", get(target: "/a%00b"), path("/a%00b")],
    [129, "dot segments stay", get(target: "/a/../b/./c"), path("/a/../b/./c")],
    [130, "two slashes are a path", get(target: "//evil.com/x"), path("//evil.com/x", "HTTP_HOST" => "a.example")],
    [131, "the query begins at the first question mark", get(target: "/a;b=c?d;e"), path("/a;b=c", "d;e")],
    [132, "an empty query", get(target: "/a?"), path("/a", "", uri: "/a?")],
    [132, "two question marks", get(target: "/a?b?c=?"), path("/a", "b?c=?")],
    [133, "an absolute target's host wins", get(target: "http://b.example:81/p?q=1"), path("/p", "q=1", uri: "http://b.example:81/p?q=1", **other_port)],
    [134, "an absolute target without a path", get(target: "http://b.example"), path("/", uri: "http://b.example", **other)],
    [134, "an absolute target with nothing but a query", get(target: "http://b.example?q"), path("/", "q", uri: "http://b.example?q", **other)],
    [135, "an absolute target with https on a plain port", get(target: "https://b.example/"), path("/", uri: "https://b.example/", **other)],
    [136, "userinfo in the target", get(target: "http://u:p@b.example/x"), refused(400)],
    [137, "an ftp target", get(target: "ftp://b.example/x"), refused(400)],
    [138, "a javascript target", get(target: "javascript:alert(1)"), refused(400)],
    [139, "an authority as the target of GET", get(target: "b.example:80"), refused(400)],
    [140, "a relative target", get(target: "admin/x"), refused(400)],
    [141, "CONNECT", line("CONNECT b.example:80 HTTP/1.1"), refused(501)],
    [142, "CONNECT with a path", line("CONNECT /x HTTP/1.1"), refused(501)],
    [143, "OPTIONS *", line("OPTIONS * HTTP/1.1"), path("*", "REQUEST_METHOD" => "OPTIONS")],
    [144, "GET *", line("GET * HTTP/1.1"), refused(400)],
    [145, "TRACE goes to the app", line("TRACE / HTTP/1.1"), path("/", "REQUEST_METHOD" => "TRACE")],
    [146, "HTTP/0.9 without a version", "GET /x\r\n", refused(400)],
    [147, "http/1.1 in lower case", line("GET / http/1.1"), refused(400)],
    [148, "HTTP/1.2", line("GET / HTTP/1.2"), refused(505)],
    [149, "HTTP/2.0", line("GET / HTTP/2.0"), refused(505)],
    [150, "HTTP/1.1x", line("GET / HTTP/1.1x"), refused(400)],
    [151, "HTTP/1.10", line("GET / HTTP/1.10"), refused(400)],
    [152, "HTTP/01.1", line("GET / HTTP/01.1"), refused(400)],
    [153, "HTTP/0.9", line("GET / HTTP/0.9"), refused(400)],
    [154, "the preface of HTTP/2", preface, refused(505)]
  ]

  context "with every method supported" do
    echo_server("--set", "supported_http_methods=any")

    rows [
      [109, "PROPFIND", line("PROPFIND / HTTP/1.1"), path("/", "REQUEST_METHOD" => "PROPFIND")],
      [110, "M-SEARCH!", line("M-SEARCH! / HTTP/1.1"), path("/", "REQUEST_METHOD" => "M-SEARCH!")],
      [141, "CONNECT is never a tunnel", line("CONNECT b.example:80 HTTP/1.1"), refused(501)]
    ]
  end
end
