# frozen_string_literal: true

require_relative "probe"

# Its collector is out of reach: what counts is what the agent of each process has recorded. It waits for the fork where
# it knows the server, which NEW_RELIC_DISPATCHER tells it.
ThirdParty.probe "newrelic_rpm", "newrelic/newrelic-ruby-agent" do
  def config = ""

  def environment
    { "NEW_RELIC_LICENSE_KEY" => "0" * 40, "NEW_RELIC_APP_NAME" => "probe", "NEW_RELIC_DISPATCHER" => "puma", "NEW_RELIC_HOST" => "127.0.0.1",
      "NEW_RELIC_LOG" => "stdout", "NEW_RELIC_AGENT_ENABLED" => "true", "NEW_RELIC_MONITOR_MODE" => "true" }
  end

  def app = <<~RUBY
    require "newrelic_rpm"
    run ->(_env) { [200, {}, [NewRelic::Agent.agent.stats_engine.to_h.find { |spec, _| spec.name == "HttpDispatcher" }&.last&.call_count.to_i.to_s]] }
  RUBY

  def look(server)
    expect(server.stdout).to match(/Dispatcher: puma/)
    eventually { Http.get(server).body.to_i > 2 }
  end
end
