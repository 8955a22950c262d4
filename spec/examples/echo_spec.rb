# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"
require_relative "../support/websocket_client"

RSpec.describe "examples/echo" do
  include ExampleApp

  it "sends text and binary back" do
    client = WebSocketClient.new(serve_example("echo"))
    expect(client.ask("hello")).to eq("hello")
    client.binary("\x00\xFF")
    expect(client.read_message).to eq("\x00\xFF".b)
  end

  it "serves its page" do
    expect(Http.get(serve_example("echo")).body).to include("new WebSocket")
  end
end
