# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

RSpec.describe "WebSockets under a collector that strikes at every chance", :gc_stress do
  app = <<~'RUBY'
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
  # Moves every object that may be moved, between any two requests and callbacks, and while other threads run. Room for
  # all of them is made once: a heap that grows each time makes each time slower.
  compacting = <<~'RUBY'
    GC.auto_compact = true
    GC.verify_compaction_references(expand_heap: true, toward: :empty)
    Thread.new { loop { GC.verify_compaction_references(toward: :empty); sleep 0.01 } }
    Busy.prepend(Module.new do
      %i[on_open on_message].each do |name|
        define_method(name) do |*arguments|
          GC.verify_compaction_references(toward: :empty)
          super(*arguments)
        end
      end
    end)
  RUBY

  hows = { "B-31: GC.stress" => { app:, gc_stress: true } }
  hows["F18: compaction"] = { app: app.sub("run(lambda", "#{compacting}\nrun(lambda"), gc_stress: false } if GC.respond_to?(:verify_compaction_references)

  hows.each do |how, options|
    it "#{how}: opens, subscribes, publishes, defers and closes", limit: 300 do
      server = serve(options.fetch(:app), gc_stress: options.fetch(:gc_stress))
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
end
