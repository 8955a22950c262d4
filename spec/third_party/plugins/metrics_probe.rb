# frozen_string_literal: true

require_relative "probe"

# A second server with figures for Prometheus, which starts before the app is loaded.
ThirdParty.probe "puma-metrics", "harmjanblok/puma-metrics", needs: { "prometheus-client" => "prometheus/client_ruby" } do
  def config = "plugin :metrics\nmetrics_url 'tcp://127.0.0.1:#{spare_port}'"

  def look(server)
    holding(server, 2) do
      await_metrics(spare_port, "/metrics", "puma_max_threads" => threads, "puma_running" => threads, "puma_pool_capacity" => threads - 2,
                                            "puma_busy_threads" => 2, "puma_backlog" => 0, "puma_workers" => processes)
    end
    await_metrics(spare_port, "/metrics", "puma_busy_threads" => 0)
  end
end
