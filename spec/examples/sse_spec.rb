# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"
require_relative "../support/sse_client"

RSpec.describe "examples/sse" do
  include ExampleApp

  let(:server) { serve_example("sse", shared: true) }

  it "counts" do
    client = SseClient.new(server)
    expect(client.read_events(3).map { |event| [event.data, event.id] }).to eq([%w[1 1], %w[2 2], %w[3 3]])
  end

  it "goes on where a reader has stopped" do
    client = SseClient.new(server, headers: { "last-event-id" => "41" })
    expect(client.read_event.data).to eq("42")
  end

  it "serves its page" do
    expect(Http.get(server).body).to include("new EventSource")
  end
end
