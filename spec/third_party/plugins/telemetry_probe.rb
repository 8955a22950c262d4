# frozen_string_literal: true

require "json"
require_relative "probe"

# Prints Puma.stats_hash, and how many connections wait at the sockets of `launcher.binder`.
ThirdParty.probe "puma-plugin-telemetry", "babbel/puma-plugin-telemetry" do
  def config = <<~RUBY
    plugin "telemetry"
    Puma::Plugin::Telemetry.configure do |config|
      config.enabled = true
      config.initial_delay = 0
      config.frequency = 0.2
      config.socket_telemetry!
      config.add_target :io, transform: :passthrough
    end
  RUBY

  def look(server)
    holding(server, 2) do
      expected = { "workers.total" => processes, "workers.booted" => processes, "workers.max_threads" => threads, "workers.spawned_threads" => threads,
                   "queue.backlog" => 0, "queue.capacity" => threads - 2, "sockets.backlog" => 0 }
      eventually { server.stdout.lines.grep(/\A{/).last.then { |line| line&.end_with?("\n") && JSON.parse(line) >= expected } }
    end
  end
end
