# frozen_string_literal: true

require "spec_helper"
require_relative "support/browser"
require_relative "support/example_app"
require_relative "../support/chrome"
require_relative "../support/nginx"
require_relative "../support/redis_server"
require_relative "../support/sse_client"

RSpec.describe "examples/rails_and_sinatra" do
  include ExampleApp

  def sign_in(server, name) = Browser.new(server).tap { |browser| browser.post("/sign_in", { "name" => name }) }

  def cookie(browser) = { "cookie" => browser.cookies.map { |pair| pair.join("=") }.join("; ") }

  # Listens to the stream with the session of the Rails app, and hears what another one announces.
  def expect_news(server)
    expect(SseClient.new(server, "/stream/news")).to have_attributes(response: have_attributes(status: 401))
    listener = SseClient.new(server, "/stream/news", headers: cookie(sign_in(server, "Ada")))
    expect(listener.read_event.data).to eq("listening")
    eventually do
      sign_in(server, "Bob").post("/announce", { "text" => "tea is ready" })
      !listener.silent?(0.2)
    end
    expect(listener.read_event.data).to eq("Bob: tea is ready")
  end

  it "shares the session in one process" do
    expect_news(serve_example("rails_and_sinatra", boot_limit: 30))
  end

  it "ends the access with the session" do
    server = serve_example("rails_and_sinatra", boot_limit: 30)
    browser = sign_in(server, "Ada")
    browser.post("/sign_out", {})
    expect(SseClient.new(server, "/stream/news", headers: cookie(browser)).response.status).to eq(401)
  end

  it "shares the session between two servers behind nginx" do
    redis = RedisServer.new
    folder = File.join(ExampleApp::FOLDER, "rails_and_sinatra")
    rails, sinatra = %w[rails.ru sinatra.ru].map do |file|
      serve(File.join(folder, file), args: ["--redis", redis.url], boot_limit: 30)
    end
    nginx = Nginx.new(File.read(File.join(folder, "nginx.conf")), listen: "127.0.0.1:8081",
                      replace: { "127.0.0.1:8080" => "127.0.0.1:#{rails.port}", "127.0.0.1:4567" => "127.0.0.1:#{sinatra.port}" })
    expect_news(nginx)
  ensure
    nginx&.stop
    redis&.finish
  end

  it "works in a browser" do
    server = serve_example("rails_and_sinatra", boot_limit: 30)
    Chrome.open do |chrome|
      chrome.visit("http://127.0.0.1:#{server.port}/")
      chrome.type("input[name=name]", "Ada\n")
      eventually { chrome.text("#news").include?("listening") }
      chrome.type("input[name=text]", "hello\n")
      eventually { chrome.text("#news").include?("Ada: hello") }
    end
  end
end
