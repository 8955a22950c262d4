# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"
require_relative "../support/sse_client"
require_relative "../support/chrome"

RSpec.describe "examples/rails_sse" do
  include ExampleApp

  let(:server) { serve_example("rails_sse", shared: true, boot_limit: 30) }
  let(:progress) { (0..100).step(20).map { |percent| "{\"progress\":#{percent}}" } }

  %w[live full partial native].each do |way|
    it "reports the progress of a task (#{way})" do
      client = SseClient.new(server, "/tasks/#{way}")
      events = client.read_events(6)
      expect(events.map(&:data)).to eq(progress)
      expect(events.map(&:type).uniq).to eq(%w[taskProgress])
    end
  end

  it "gives the threads back, except with Live" do
    busy = serve_example("rails_sse", args: %w[-t 1:1], boot_limit: 30)
    clients = %w[full partial native].map { |way| SseClient.new(busy, "/tasks/#{way}") }
    expect(Http.get(busy, "/").body).to include("EventSource")
    expect(clients.map { |client| client.read_events(6).size }).to eq([6, 6, 6])
  end

  it "moves a bar in a browser" do
    Chrome.open do |chrome|
      chrome.visit("http://127.0.0.1:#{server.port}/")
      eventually { chrome.text("#state") == "done" }
      expect(chrome.run("return document.querySelector('progress').value")).to eq(100)
    end
  end
end
