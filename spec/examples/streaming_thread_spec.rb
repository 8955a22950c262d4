# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/streaming_thread" do
  include ExampleApp

  let(:server) { serve_example("streaming_thread", shared: true, args: %w[-t 1:1]) }

  it "goes on streaming after the callable has returned, to a proper end" do
    response = Http.get(server, "/")

    expect(response.status).to eq(200)
    expect(response.body.scan(/^\d{4}-.*\n/).size).to eq(5)
  end

  it "sends the parts when they are written" do
    expect(seconds_between(open_request(server, "/"), *Array.new(5) { /\d{4}-.*\n/ })).to be > ExampleApp::PAUSE * 2
  end

  it "serves several at a time with one thread" do
    sockets = Array.new(5) { open_request(server, "/") }
    start = Eventually.now
    sockets.each { |socket| expect(socket.read_response.body.lines.size).to eq(5) }

    expect(Eventually.now - start).to be < ExampleApp::PAUSE * 5 * 3
  end

  it "goes on when a reader leaves in the middle" do
    socket = open_request(server, "/")
    socket.read_until(/\d{4}-.*\n/)
    socket.reset

    expect(Http.get(server, "/").body.lines.size).to eq(5)
    expect(server.stderr).to eq("")
  end
end
