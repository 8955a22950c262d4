# frozen_string_literal: true

require "spec_helper"
require "digest"
require "json"
require_relative "support/browser"
require_relative "support/example_app"

RSpec.describe "examples/rails" do
  include ExampleApp

  let(:server) { serve_example("rails", shared: true, args: %w[-t 5:5]) }
  let(:browser) { Browser.new(server) }

  it "renders a page and counts the visits in the session" do
    pages = Array.new(2) { browser.get("/").body }

    expect(pages.map { |page| page[/visit number (\d+)/, 1] }).to eq(%w[1 2])
  end

  it "takes a form with its CSRF token, and thanks once" do
    response = browser.post("/notes", authenticity_token: browser.token("/", "/notes"), text: "Grüße & <Küsse>")

    expect([response.status, URI(response["location"]).path]).to eq([303, "/"])
    first, second = Array.new(2) { browser.get("/").body.dup.force_encoding("UTF-8") }
    expect(first).to include("Thank you!", "<li>Grüße &amp; &lt;Küsse&gt;</li>")
    expect(second).not_to include("Thank you!")
  end

  it "refuses a form without the token" do
    browser.get("/")

    expect(browser.post("/notes", text: "forged").status).to eq(422)
    expect(browser.get("/").body).not_to include("forged")
  end

  { "small" => 5_000, "large" => 3_000_000 }.each do |size, bytes|
    it "takes a #{size} upload" do
      content = Random.new(bytes).bytes(bytes)
      response = browser.upload("/uploads", "notes.txt", content, authenticity_token: browser.token("/", "/uploads"))

      expect(JSON.parse(response.body))
        .to eq("name" => "notes.txt", "type" => "text/plain", "bytes" => bytes,
               "sha256" => Digest::SHA256.hexdigest(content))
    end
  end

  it "sends live events when they are written" do
    socket = open_request(server, "/clock")

    expect(socket.read_until("\r\n\r\n")).to match(%r{^content-type: text/event-stream}i)
    events = Array.new(3) { |number| /data: \{"number":#{number},"notes":\d+\}\n\n/ }
    expect(seconds_between(socket, *events)).to be > ExampleApp::PAUSE
    expect(socket).to be_closed
  end

  %w[/stream /hijack/partial /hijack/full].each do |path|
    it "streams a countdown on #{path}" do
      expect(Http.get(server, path).body).to eq("3\n2\n1\nlift-off\n")
      expect(seconds_between(open_request(server, path), /3\n/, /2\n/, /lift-off\n/)).to be > ExampleApp::PAUSE
    end
  end

  it "sends a file for saving" do
    response = browser.get("/download")

    expect(response["content-disposition"]).to start_with('attachment; filename="guestbook.rb"')
    expect(response.body).to eq(File.binread(File.join(ExampleApp::FOLDER, "rails/app.rb")))
  end

  it "answers five at once, each with CurrentAttributes of its own" do
    sockets = %w[a b c d e].to_h { |name| [name, open_request(server, "/whoami?name=#{name}")] }
    start = Eventually.now
    answers = sockets.transform_values { |socket| JSON.parse(socket.read_response.body) }

    expect(Eventually.now - start).to be < ExampleApp::PAUSE * 3
    answers.each { |name, answer| expect(answer).to eq("before" => nil, "now" => name, "executor" => true) }
    expect(JSON.parse(Http.get(server, "/whoami").body)).to eq("before" => nil, "now" => nil, "executor" => true)
  end

  it "has given back every database connection" do
    5.times { browser.get("/") }
    Http.get(server, "/clock")

    eventually { JSON.parse(Http.get(server, "/pool").body).fetch("busy").zero? }
  end

  it "shows the application's error page in production" do
    response = browser.get("/boom")

    expect([response.status, response.body]).to eq([500, "Sorry about that.\n"])
  end

  it "shows Rails' own page in development" do
    developing = serve_example("rails", env: { "RACK_ENV" => "development" })
    response = Http.get(developing, "/boom", { "accept" => "text/html" })

    expect(response.status).to eq(500)
    expect(response.body).to include("the ink is out")
  end
end
