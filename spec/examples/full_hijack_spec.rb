# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/full_hijack" do
  include ExampleApp

  let(:server) { serve_example("full_hijack", shared: true, args: %w[-t 1:1]) }
  let(:shout) { { "connection" => "upgrade", "upgrade" => "shout" } }

  it "sends exactly what the app wrote, then the end" do
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"

    expect(open_request(server, "/").read_to_end).to eq("#{head}5\n4\n3\n2\n1\nlift-off\n")
  end

  it "sends each part when it is written" do
    expect(seconds_between(open_request(server, "/"), /5\n/, /lift-off\n/)).to be > ExampleApp::PAUSE * 3
  end

  it "gives the server's only thread back at once" do
    sockets = Array.new(4) { open_request(server, "/") }
    start = Eventually.now
    sockets.each { |socket| expect(socket.read_response.body).to end_with("lift-off\n") }

    expect(Eventually.now - start).to be < ExampleApp::PAUSE * 5 * 3
  end

  it "talks both ways after a 101 of its own" do
    socket = open_request(server, "/shout", shout)
    socket.read_until("upgrade: shout\r\n\r\n")

    expect(socket.write("hello\n").read_until("\n")).to eq("HELLO\n")
    expect(socket.write("again\nbye\n").read_to_end).to eq("AGAIN\nBYE\n")
  end

  it "gets the bytes that came together with the request" do
    socket = server.connect.write("#{Http.head("GET", "/shout", shout)}early\nbye\n")

    expect(socket.read_to_end).to end_with("upgrade: shout\r\n\r\nEARLY\nBYE\n")
  end
end
