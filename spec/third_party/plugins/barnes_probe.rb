# frozen_string_literal: true

require_relative "probe"
require_relative "statsd"

# Heroku's figures, from a thread of the process that it was started in.
ThirdParty.probe "barnes", "heroku/barnes", needs: { "statsd-ruby" => "reinh/statsd", "multi_json" => nil } do
  let(:statsd) { ThirdParty::Statsd.new }

  def config
    start = "require 'barnes'\nrequire 'statsd'\nBarnes.start(interval: 1, statsd: ::Statsd.new('127.0.0.1', #{statsd.port}))\n"
    clustered? ? "before_fork do\n#{start}end" : start
  end

  def environment = { "DYNO" => "web.1" }

  def look(server)
    holding(server, 2) do
      statsd.await({ "Rack.Server.All.using.puma" => 1, "Rack.Server.All.threads.max" => threads, "Rack.Server.All.threads.spawned" => threads,
                     "Rack.Server.All.pool.capacity" => threads - 2 })
    end
    statsd.forget
  end
end
