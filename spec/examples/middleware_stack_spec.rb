# frozen_string_literal: true

require "spec_helper"
require "zlib"
require_relative "support/browser"
require_relative "support/example_app"

RSpec.describe "examples/middleware_stack" do
  include ExampleApp

  let(:server) { serve_example("middleware_stack", shared: true) }

  it "adds the headers of its middleware" do
    expect(Http.get(server, "/").headers).to include("x-runtime", "set-cookie", "x-bodies-closed")
  end

  it "counts the visits in a session" do
    browser = Browser.new(server)

    expect(Array.new(3) { browser.get("/").body }).to eq(["GET, visit 1\n", "GET, visit 2\n", "GET, visit 3\n"])
    expect(Browser.new(server).get("/").body).to eq("GET, visit 1\n")
  end

  it "compresses for who can read it" do
    plain = Http.get(server, "/long").body
    packed = Http.get(server, "/long", { "accept-encoding" => "gzip" })

    expect(packed["content-encoding"]).to eq("gzip")
    expect(packed.body.bytesize).to be < plain.bytesize / 10
    expect(Zlib.gunzip(packed.body)).to eq(plain)
  end

  it "answers 304 without a body when the etag is known" do
    etag = Http.get(server, "/long")["etag"]
    response = Http.get(server, "/long", { "if-none-match" => etag })

    expect([response.status, response.body]).to eq([304, ""])
    expect(response.headers).not_to include("content-length")
  end

  it "serves static files" do
    response = Http.get(server, "/style.css")

    expect([response["content-type"], response.body]).to eq(["text/css", "body { font-family: serif; }\n"])
  end

  it "lets a form say PUT" do
    expect(Browser.new(server).post("/", _method: "PUT").body).to eq("PUT, visit 1\n")
  end

  it "asks for a password behind /admin" do
    expect(Http.get(server, "/admin").status).to eq(401)
    authorization = "Basic #{["admin:secret"].pack("m0")}"
    expect(Http.get(server, "/admin", { "authorization" => authorization }).body).to eq("welcome, admin\n")
  end

  it "shows the page of ShowExceptions" do
    response = Http.get(server, "/boom", { "accept" => "text/html" })

    expect(response.status).to eq(500)
    expect(response.body).to include("no middleware left below")
  end

  it "closes every body" do
    own = serve_example("middleware_stack")
    5.times { Http.get(own, "/") }
    2.times { Http.request(own, "HEAD", "/") }

    sent = 7
    # Each answer tells how many were closed before it.
    eventually { Http.get(own, "/")["x-bodies-closed"].to_i == (sent += 1) - 1 }
  end
end
