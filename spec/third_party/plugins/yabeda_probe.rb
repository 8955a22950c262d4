# frozen_string_literal: true

require_relative "probe"

# Asks the control app for its stats, and shows them at a second server, which starts when the workers have booted.
YABEDA = { "yabeda" => "yabeda-rb/yabeda", "yabeda-prometheus" => "yabeda-rb/yabeda-prometheus", "prometheus-client" => "prometheus/client_ruby",
           "anyway_config" => "palkan/anyway_config", "ruby-next-core" => "ruby-next/ruby-next", "dry-initializer" => "dry-rb/dry-initializer" }.freeze

ThirdParty.probe "yabeda-puma-plugin", "yabeda-rb/yabeda-puma-plugin", needs: YABEDA do
  def config
    <<~RUBY
      activate_control_app
      plugin :yabeda
      plugin :yabeda_prometheus
      prometheus_exporter_url "tcp://127.0.0.1:#{spare_port}/figures"
      require "yabeda/prometheus"
      #{"before_fork { Yabeda.configure! }" if clustered?}
    RUBY
  end

  # As Rails does it.
  def app = clustered? ? super : "Yabeda.configure!\n#{super}"

  def look(server)
    holding(server, 2) do
      await_metrics(spare_port, "/figures", "puma_max_threads" => threads, "puma_running" => threads, "puma_pool_capacity" => threads - 2,
                                            "puma_busy_threads" => 2, **(clustered? ? { "puma_booted_workers" => 2 } : {}))
    end
  end
end
