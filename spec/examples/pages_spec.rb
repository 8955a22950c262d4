# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"
require_relative "../support/chrome"

# The pages of the examples, in a real browser.
RSpec.describe "pages of examples" do
  include ExampleApp

  before(:all) { @chrome = Chrome.new }
  after(:all) { @chrome.quit }

  def chrome = @chrome
  def address(server, path = "/") = "http://127.0.0.1:#{server.port}#{path}"

  # Waits until the page shows it.
  def see(text, selector = "body")
    eventually { chrome.text(selector).match?(text) }
  rescue Eventually::TimeUp
    raise "no #{text.inspect} in the page, which shows #{chrome.text(selector).inspect}"
  end

  # A server on a port of its own choice that can be started there again.
  def port = @port ||= TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }
  def serve_again(name) = serve_example(name, bind: "tcp://127.0.0.1:#{port}")

  it "chat: two tabs exchange messages" do
    server = serve_example("chat")
    chrome.visit(address(server, "/?name=Ada"))
    see(/Welcome, Ada/)
    ada = chrome.tab
    chrome.new_tab
    chrome.visit(address(server, "/?name=Bob"))
    see(/Welcome, Bob. Guests: 2/)
    chrome.type("input", "hello from Bob\n")
    see(/You: hello from Bob/)
    chrome.switch_to(ada)
    see(/Bob: hello from Bob/)
    chrome.type("input", "hi <b>Bob</b>\n")
    see(/You: hi <b>Bob<\/b>/)
  end

  it "chat: comes back after a restart of the server" do
    server = serve_again("chat")
    chrome.visit(address(server, "/?name=Ada"))
    see(/Welcome, Ada/)
    server.stop
    see(/goodbye/)
    serve_again("chat")
    see(/goodbye\nWelcome, Ada/)
  end

  it "sse: counts, and goes on after a restart" do
    server = serve_again("sse")
    chrome.visit(address(server))
    see(/\A[3-9]\z/, "#count")
    server.stop
    see(/waiting/, "#state")
    serve_again("sse")
    see(/open/, "#state")
  end

  it "welcome: talks over a WebSocket with every other page, and comes back" do
    server = serve_again("welcome")
    chrome.visit(address(server))
    see(/1 page/, "#live-count")
    first = chrome.tab
    chrome.new_tab
    chrome.visit(address(server))
    see(/2 pages/, "#live-count")
    chrome.type("#live input", "hello\n")
    see(/hello/, "#live-log")
    chrome.switch_to(first)
    see(/hello/, "#live-log")
    server.stop
    see(/away/, "#live-count")
    serve_again("welcome")
    see(/2 pages/, "#live-count")
  end

  it "echo: answers what is typed" do
    chrome.visit(address(serve_example("echo")))
    chrome.type("input", "anybody there?\n")
    see(/anybody there\?/, "#echoes")
  end
end
