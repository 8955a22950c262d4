# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"

# As the tests of Action Cable start a server in their own process, and as those of other gems do.
RSpec.describe "Action Cable on Puma::Server" do
  it "G-04, H-01: welcomes, subscribes, broadcasts and says goodbye" do
    support = File.expand_path("../support/websocket_client.rb", __dir__)
    printed = Bundle.run(%w[rails], <<~RUBY)
      require "puma"
      require "concurrent"
      require "action_cable"
      require "active_support/core_ext/hash/indifferent_access"
      require "logger"
      require "json"
      require #{support.dump}

      class EchoChannel < ActionCable::Channel::Base
        def subscribed = stream_from("global")
        def ding(data) = transmit({ dong: data["message"] })
        def bulk(data) = ActionCable.server.broadcast("global", { wide: data["message"] })
      end

      server = ActionCable.server
      server.config.logger = Logger.new(File::NULL)
      server.config.cable = { "adapter" => "async" }.with_indifferent_access
      server.config.disable_request_forgery_protection = true
      server.config.connection_class = -> { ActionCable::Connection::Base }

      puma = Puma::Server.new(server, nil, min_threads: 1, max_threads: 4, log_writer: Puma::LogWriter.strings)
      port = puma.add_tcp_listener("127.0.0.1", 0).addr[1]
      thread = puma.run
      clients = Array.new(16) { WebSocketClient.new(port, "/", headers: { "sec-websocket-protocol" => "actioncable-v1-json", "origin" => "http://localhost" }) }
      heard = lambda do |client|
        message = JSON.parse(client.read_message)
        message["type"] == "ping" ? heard[client] : message
      end
      identifier = JSON.generate(channel: "EchoChannel")
      clients.each { |client| abort "no welcome" unless heard[client]["type"] == "welcome" }
      clients.each { |client| client.text(JSON.generate(command: "subscribe", identifier:)) }
      p clients.map { |client| heard[client]["type"] }.uniq
      clients.each_with_index { |client, n| client.text(JSON.generate(command: "message", identifier:, data: JSON.generate(action: "ding", message: n))) }
      p clients.map { |client| heard[client].dig("message", "dong") } == (0...16).to_a
      clients.first.text(JSON.generate(command: "message", identifier:, data: JSON.generate(action: "bulk", message: "all")))
      p clients.map { |client| heard[client]["message"] }.uniq
      puma.stop
      thread.join(5) or abort "still runs"
      puts "stopped"
    RUBY
    expect(printed).to eq(<<~TEXT)
      ["confirm_subscription"]
      true
      [{"wide"=>"all"}]
      stopped
    TEXT
  end
end
