# frozen_string_literal: true

require_relative "probe"
require_relative "statsd"

# Sends Puma.stats_hash to statsd, from a thread of the master.
ThirdParty.probe "puma-plugin-statsd", "yob/puma-plugin-statsd" do
  let(:statsd) { ThirdParty::Statsd.new }

  def config = "plugin :statsd"
  def environment = { "STATSD_PORT" => statsd.port.to_s, "STATSD_INTERVAL_SECONDS" => "0.2" }

  def look(server)
    holding(server, 2) do
      statsd.await({ "puma.workers" => processes, "puma.booted_workers" => processes, "puma.old_workers" => 0, "puma.backlog" => 0,
                     "puma.max_threads" => threads, "puma.pool_capacity" => threads - 2, "puma.running" => threads })
    end
    statsd.await({ "puma.pool_capacity" => threads })
    statsd.forget
  end
end
