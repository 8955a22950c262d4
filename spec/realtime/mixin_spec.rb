# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

RSpec.describe "the article's API" do
  let(:server) { ServerProcess.shared(:article, rackup: "spec/realtime/apps/article.ru") }

  def connect(path) = WebSocketClient.new(server, path)

  it "B-3: reaches every other client by each, and counts those that remain" do
    ada, bob = connect("/Ada"), connect("/Bob")
    expect(ada.response["set-cookie"]).to eq("seen=1")
    server.wait_for_stdout(/Ada came.*Bob came/m)
    ada.text("hello")
    expect(ada.read_message).to eq("Ada: hello")
    expect(bob.read_message).to eq("Ada: hello")
    expect(ada).to be_silent(0.1)
    ada.goodbye
    server.wait_for_stdout(/Ada left, 1 remain/)
    bob.goodbye
    server.wait_for_stdout(/Bob left, 0 remain/)
  end

  it "offers conn_id, has_pending?, open?, count, defer and each_write" do
    one, other = connect("/One"), connect("/Other")
    server.wait_for_stdout(/One came.*Other came/m)
    one.text("probe")
    server.wait_for_stdout(/\[true, false, true, 2, true, false, true, 2\]/)
    expect(one.read_message).to eq("deferred")
    expect(other.read_message).to eq("to all others")
  ensure
    [one, other].each(&:goodbye)
  end

  %w[/plain /alias].each do |path|
    it("B-4: makes a new object of a class for each connection (#{path})") do
      expect(connect(path).ask("hi")).to eq("hi")
    end
  end

  # A handler's whole life: it opens, answers, and notices the end.
  def expect_callbacks(kind)
    client = connect("/#{kind}")
    expect(client.read_message).to eq("#{kind} open")
    expect(client.ask("hi")).to eq("#{kind} hi")
    client.goodbye
    server.wait_for_stdout(/^#{kind} left/)
  end

  # Methods of the handler's own win there, too: its callbacks above all.
  %w[solid module object].each do |kind|
    it "takes a handler whose class cannot be changed (#{kind})" do
      expect_callbacks(kind)
      expect(Http.get(server, "/core").body).to eq("nothing mixed in")
    end
  end

  # Whichever of the two classes is a handler first.
  %w[heir borrower].each do |kind|
    it "calls the callbacks that a class has from its superclass or a module (#{kind})" do
      expect_callbacks(kind)
    end
  end

  it "has the methods in initialize already, where no connection is open yet" do
    client = connect("/heir")
    expect(client.read_message).to eq("heir open")
    expect(client.ask("seen")).to eq("[false, false, false, false, Integer]")
  end

  it "refuses a frozen instance with 500 and says why" do
    expect(connect("/frozen").response.status).to eq(500)
    server.wait_for_stderr(/frozen/)
  end

  it "writes in on_shutdown" do
    own = serve("spec/realtime/apps/article.ru")
    client = WebSocketClient.new(own, "/X")
    client.ask("hi")
    own.signal("TERM")
    expect(client.finish).to have_attributes(messages: ["The server is going away"], code: 1001)
  end
end
