# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/partial_hijack" do
  include ExampleApp

  let(:server) { serve_example("partial_hijack", shared: true) }

  it "counts down to the end" do
    response = Http.get(server, "/")

    expect([response.status, response["content-type"]]).to eq([200, "text/plain"])
    expect(response.body).to eq("5\n4\n3\n2\n1\nlift-off\n")
  end

  it "sends no length and keeps the callable to itself" do
    expect(Http.get(server, "/").headers).not_to include("content-length", "rack.hijack")
  end

  it "sends each number when it is written" do
    socket = open_request(server, "/")

    expect(seconds_between(socket, /5\n/, /4\n/, /lift-off\n/)).to be > ExampleApp::PAUSE * 3
  end
end
