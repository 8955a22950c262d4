# frozen_string_literal: true

require "spec_helper"
require "json"
require_relative "support/example_app"

RSpec.describe "examples/welcome" do
  include ExampleApp

  let(:server) { serve_example("welcome", shared: true) }

  it "shows the env of the request, escaped" do
    body = Http.get(server, "/", { "x-weather" => "<rain>" }).body

    expect(body).to match(%r{HTTP_X_WEATHER</th><td>&quot;&lt;rain&gt;&quot;</td>}).and include("SERVER_SOFTWARE")
  end

  it "needs nothing from elsewhere" do
    page = Http.get(server, "/").body
    assets = page.scan(/(?:src|href)="([^"]+)"/).flatten.reject { |url| url.start_with?("data:") }

    expect(assets).to include("/welcome.css", "/welcome.js").and all(start_with("/"))
    %w[/welcome.css /welcome.js].each do |path|
      expect(Http.get(server, path)).to have_attributes(status: 200, body: /\S/)
    end
  end

  it "streams the time and the counters, one line at a tick" do
    socket = open_request(server, "/clock")
    line = /\{"time":.*\}\n/

    expect(seconds_between(socket, line, line, line)).to be > 0.2
    expect(JSON.parse(socket.read_until(line)[/\{.*\}/]).keys)
      .to include("time", "requests", "streams", "threads", "memory", "uptime")
  end

  it "counts requests and open streams" do
    first = JSON.parse(open_request(server, "/clock").read_until(/\{.*\}\n/)[/\{.*\}/])
    5.times { Http.get(server, "/ping") }
    second = JSON.parse(open_request(server, "/clock").read_until(/\{.*\}\n/)[/\{.*\}/])

    expect(second["requests"]).to eq(first["requests"] + 6)
    expect(second["streams"]).to be >= 1
  end

  { "memory" => 20_000, "a file" => 2_000_000 }.each do |place, bytes|
    it "echoes an upload that waits in #{place}" do
      content = Random.new(bytes).bytes(bytes)
      response = Http.post(server, "/echo", content)

      expect(response.body == content).to be(true)
      expect(response["x-input"]).to match(/\A[A-Z]/)
    end
  end

  it "shows a helpful page for an error in development" do
    developing = serve_example("welcome", env: { "RACK_ENV" => "development" })
    response = Http.get(developing, "/boom", { "accept" => "text/html" })

    expect(response.status).to eq(500)
    expect(response.body).to include("This is what an error looks like while you develop", "welcome.rb")
  end

  it "shows nothing of an error in production, but logs it" do
    response = Http.get(server, "/boom")

    expect([response.status, response.body]).to eq([500, ""])
    server.wait_for_stderr(%r{Rack app \("GET /boom" - \(127\.0\.0\.1\)\): #<RuntimeError: This is what})
  end
end
