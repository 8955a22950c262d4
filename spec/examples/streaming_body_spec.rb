# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/streaming_body" do
  include ExampleApp

  let(:server) { serve_example("streaming_body", shared: true, args: %w[-t 1:1]) }
  let(:one_stream) { ExampleApp::PAUSE * 5 }

  { "/" => "call", "/each" => "each" }.each do |path, kind|
    it "sends the parts of a body with #{kind} one by one" do
      response = Http.get(server, path)

      expect(response.headers).not_to include("content-length")
      expect(response.chunks).to match(Array.new(5) { /\A\d{4}-\d\d-\d\d .*\n\z/ })
    end

    it "sends them when they are written (#{kind})" do
      expect(seconds_between(open_request(server, path), *Array.new(5) { /\d{4}-.*\n/ })).to be > one_stream / 2
    end
  end

  it "serves many streams and plain requests between them with one pool thread" do
    server = serve_example("streaming_body", env: { "PAUSE" => "0.5" }, args: %w[-t 1:1])
    one_stream = 2.5
    streams = Array.new(20) { open_request(server, "/") }
    streams.each { |socket| socket.read_until(/\d{4}-.*\n/) }
    start = Eventually.now

    expect(Http.get(server, "/now").status).to eq(200)
    answered = Eventually.now - start
    streams.each { |socket| expect(socket.read_until("0\r\n\r\n").scan(/\d{4}-.*\n/).size).to eq(4) }

    expect(answered).to be < one_stream / 2
    expect(Eventually.now - start).to be < one_stream * 2
  end

  it "goes on when a reader leaves in the middle" do
    socket = open_request(server, "/")
    socket.read_until(/\d{4}-.*\n/)
    socket.reset

    expect(Http.get(server, "/").chunks.size).to eq(5)
  end
end
