# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/rack_basics" do
  include ExampleApp

  let(:server) { serve_example("rack_basics", shared: true) }

  it "reads parameters" do
    expect(Http.get(server, "/?name=Ada+L%C3%B6velace").body).to eq("Hello Ada Lövelace\n".b)
  end

  it "shows the env" do
    expect(Http.get(server, "/env", { "x-weather" => "rain" }).body)
      .to include('REQUEST_METHOD = "GET"', 'HTTP_X_WEATHER = "rain"', 'rack.url_scheme = "http"')
  end

  it "reads the request body" do
    expect(Http.post(server, "/upper", "quiet please").body).to eq("QUIET PLEASE")
  end

  it "answers with any status and headers" do
    response = Http.get(server, "/teapot")

    expect([response.status, response["x-spout"], response.body]).to eq([418, "left", "short and stout\n"])
  end

  it "sends the parts of a body with each" do
    expect(Http.get(server, "/numbers").body).to eq("1\n2\n3\n")
  end

  it "answers 404 to the rest" do
    expect(Http.get(server, "/nowhere").status).to eq(404)
  end
end
