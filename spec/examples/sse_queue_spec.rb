# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/sse_queue" do
  include ExampleApp

  let(:server) { serve_example("sse_queue", shared: true, args: %w[-t 1:1]) }

  # A reader who has had the first event and so is known to the newsroom.
  def reader
    open_request(server, "/events").tap { |socket| socket.read_until(/event: time\n/) }
  end

  it "serves a page that listens with EventSource" do
    expect(Http.get(server, "/").body).to include('new EventSource("/events")')
  end

  it "answers with an event stream" do
    head = open_request(server, "/events").read_until("\r\n\r\n")

    expect(head).to match(%r{\AHTTP/1.1 200 }).and match(%r{^content-type: text/event-stream\r$}i)
    expect(head).not_to match(/^content-length/i)
  end

  it "sends the time again and again, with growing ids" do
    socket = open_request(server, "/events")
    ids = Array.new(3) { socket.read_until(/event: time\ndata: \d\d:\d\d:\d\d\n\n/)[/id: (\d+)/, 1].to_i }

    expect(ids).to eq([ids[0], ids[0] + 1, ids[0] + 2])
  end

  it "tells every reader what was announced, at once" do
    readers = Array.new(3) { reader }

    expect(Http.post(server, "/announce", "tea is\nready").status).to eq(204)
    readers.each { |socket| socket.read_until("event: announcement\ndata: tea is\ndata: ready\n\n") }
  end

  it "goes on for the others when a reader leaves" do
    first, second = reader, reader
    first.reset
    3.times { second.read_until(/event: time\n/) }

    Http.post(server, "/announce", "still here")
    second.read_until("data: still here\n\n")
    expect(server.stderr).to eq("")
  end
end
