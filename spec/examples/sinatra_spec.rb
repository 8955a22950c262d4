# frozen_string_literal: true

require "spec_helper"
require "digest"
require "json"
require_relative "support/browser"
require_relative "support/example_app"

RSpec.describe "examples/sinatra" do
  include ExampleApp

  let(:server) { serve_example("sinatra", shared: true) }
  let(:browser) { Browser.new(server) }

  it "renders a page" do
    expect(browser.get("/").body).to include("<h1>A very small shop</h1>")
  end

  it "routes with parameters" do
    expect(browser.get("/hello/Ada%20L.").body).to eq("Hello Ada L.\n")
  end

  it "keeps a cart in the session" do
    response = browser.post("/cart", item: "tea")
    browser.post("/cart", item: "milk & honey")

    expect([response.status, URI(response["location"]).path]).to eq([303, "/cart"])
    expect(JSON.parse(browser.get("/cart").body)).to eq(["tea", "milk & honey"])
    expect(JSON.parse(Browser.new(server).get("/cart").body)).to eq([])
  end

  { "small" => 5_000, "large" => 3_000_000 }.each do |size, bytes|
    it "takes a #{size} upload" do
      content = Random.new(bytes).bytes(bytes)

      expect(JSON.parse(browser.upload("/upload", "list.txt", content).body))
        .to eq("name" => "list.txt", "type" => "text/plain", "bytes" => bytes,
               "sha256" => Digest::SHA256.hexdigest(content))
    end
  end

  it "streams the parts when they are written" do
    socket = open_request(server, "/countdown")

    expect(seconds_between(socket, /3\n/, /2\n/, /1\n/, /lift-off\n/)).to be > ExampleApp::PAUSE
  end

  it "sends its source as a file" do
    expect(browser.get("/source").body).to eq(File.binread(File.join(ExampleApp::FOLDER, "sinatra/app.rb")))
  end

  it "answers 404 and 500" do
    missing = browser.get("/cellar")

    expect([missing.status, missing.body]).to eq([404, "no such shelf\n"])
    expect(browser.get("/boom").status).to eq(500)
  end

  it "answers five at once" do
    sockets = Array.new(5) { open_request(server, "/countdown") }
    start = Eventually.now
    sockets.each { |socket| expect(socket.read_response.body).to eq("3\n2\n1\nlift-off\n") }

    expect(Eventually.now - start).to be < ExampleApp::PAUSE * 3 * 3
  end
end
