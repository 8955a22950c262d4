# frozen_string_literal: true

require_relative "probe"

# Reads Puma.stats in each worker; what it would send is printed here. With Puma a worker knows nothing of itself.
ThirdParty.probe "prometheus_exporter", "discourse/prometheus_exporter" do
  def config
    start = <<~RUBY
      require "prometheus_exporter"
      require "prometheus_exporter/instrumentation"
      client = Object.new
      def client.send_json(metric) = puts("sends \#{metric[:running_threads]} \#{metric[:thread_pool_capacity]} \#{metric[:busy_threads]} by \#{Process.pid}")
      def client.logger = Logger.new($stderr)
      PrometheusExporter::Instrumentation::Puma.start(client:, frequency: 0.2) unless PrometheusExporter::Instrumentation::Puma.started?
    RUBY
    clustered? ? "before_worker_boot do\n#{start}end" : "after_booted do\n#{start}end"
  end

  def look(server)
    pids = clustered? ? booted(server).last(2) : [server.pid]
    holding(server, 1) { server.wait_for_stdout(/sends 3 2 1 by (#{pids.join("|")})$/) }
    pids.each { |pid| server.wait_for_stdout(/sends 3 3 0 by #{pid}$/) }
  end
end
