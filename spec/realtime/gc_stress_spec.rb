# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

RSpec.describe "WebSockets under a collector that strikes at every chance", :gc_stress do
  it "B-31: opens, subscribes, publishes, defers and closes", limit: 120 do
    server = serve(<<~'RUBY', gc_stress: true)
      module Busy
        extend self

        def on_open(client)
          client.subscribe("all")
          client.subscribe("blocks") { |channel, text| client.write("#{channel} #{text}") }
          client.write("open")
        end

        def on_message(client, data)
          client.defer { |one| one.write("deferred #{data}") }
          client.publish("all", "to all #{data}")
          client.publish("blocks", data)
        end
      end

      run(lambda do |env|
        env["rack.upgrade"] = Busy.clone
        [0, { "x-a" => "b" }, []]
      end)
    RUBY
    25.times do |round|
      clients = Array.new(4) { WebSocketClient.new(server, limit: 20) }
      clients.each { |one| expect(one.read_message(limit: 20)).to eq("open") }
      clients.first.text("hi #{round}")
      expect(clients.first.read_messages(3, limit: 20)).to contain_exactly("deferred hi #{round}", "to all hi #{round}", "blocks hi #{round}")
      clients.drop(1).each { |one| expect(one.read_messages(2, limit: 20)).to contain_exactly("to all hi #{round}", "blocks hi #{round}") }
      clients.each { |one| expect(one.goodbye(limit: 20).code).to eq(1000) }
    end
  end
end
