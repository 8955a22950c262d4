# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"
require_relative "../support/websocket_client"
require_relative "../support/sse_client"

RSpec.describe "examples/chat" do
  include ExampleApp

  let(:server) { serve_example("chat") }

  it "serves its page, by itself and as the article has it" do
    expect(Http.get(server, "/").body).to include("new WebSocket")
    chat = File.join(ExampleApp::FOLDER, "chat")
    article = ServerProcess.new(args: ["--dir", chat, "-www", "."])
    expect(Http.get(article, "/").body).to include("new WebSocket")
    page = Http.get(article, "/any/where")
    expect([page.body, page["x-sendfile"]]).to match([/new WebSocket/, nil])
  ensure
    article&.stop
  end

  it "tells everybody what one says, who comes and who leaves" do
    ada = WebSocketClient.new(server, "/Ada")
    expect(ada.read_message).to eq("Welcome, Ada. Guests: 1")
    bob = WebSocketClient.new(server, "/Bob%20B")
    expect(bob.read_message).to eq("Welcome, Bob B. Guests: 2")
    expect(ada.read_message).to eq("Bob B came")
    expect(bob.ask("hi")).to eq("You: hi")
    expect(ada.read_message).to eq("Bob B: hi")
    bob.goodbye
    farewell = ada.read_message
    expect([farewell, farewell.encoding]).to eq(["Bob B left, 1 remain", Encoding::UTF_8])
  end

  it "says goodbye when the server stops" do
    ada = WebSocketClient.new(server, "/Ada")
    ada.read_message
    server.signal("TERM")
    expect(ada.finish).to have_attributes(messages: ["The server is going away, goodbye"], code: 1001)
  end
end

RSpec.describe "examples/chat in a cluster" do
  include ExampleApp

  it "is a chat in each of the processes" do
    server = serve_example("chat", args: %w[-t 16 -w 4])
    expect(WebSocketClient.new(server, "/Ada").read_message).to eq("Welcome, Ada. Guests: 1")
  end
end

RSpec.describe "examples/chat_rooms" do
  include ExampleApp

  let(:server) { serve_example("chat_rooms") }

  it "reaches WebSockets and event streams of a room, and no other room" do
    talker, stranger = WebSocketClient.new(server, "/kitchen"), WebSocketClient.new(server, "/hall")
    [talker, stranger].each(&:read_message)
    listener = SseClient.new(server, "/kitchen")
    eventually do
      talker.text("hello")
      !listener.silent?(0.1)
    end
    expect(listener.read_event.data).to eq("hello")
    expect(talker.read_message).to eq("hello")
    expect(Http.post(server, "/kitchen", "tea").status).to eq(204)
    expect(listener.read_until("data: tea")).to end_with("tea")
    expect(stranger).to be_silent(0.1)
  end

  it "reaches the guests of all workers" do
    cluster = serve_example("chat_rooms", args: %w[-w 4])
    guests = Array.new(12) { WebSocketClient.new(cluster, "/kitchen") }
    guests.each(&:read_message)
    guests.first.text("hello")
    expect(guests.map(&:read_message)).to all(eq("hello"))
  ensure
    guests&.each(&:close)
  end
end
