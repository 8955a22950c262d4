# frozen_string_literal: true

require_relative "probe"
require_relative "statsd"

# Sends Puma.stats_hash to its own statsd, once a minute; here more often.
ThirdParty.probe "appsignal", "appsignal/appsignal-ruby", bundled: false do
  let(:statsd) { ThirdParty::Statsd.new }

  def config = <<~RUBY
    plugin :appsignal
    Puma::Plugins.find("appsignal").define_method(:sleep_time) { 0.2 }
  RUBY

  def environment = { "APPSIGNAL_STATSD_PORT" => statsd.port.to_s }

  # Its hooks, which wrap Puma::Server and Puma::Cluster wherever there is a Puma.
  def app = <<~RUBY
    require "appsignal"
    hook = Appsignal::Hooks::PumaHook.new
    puts "hook \#{hook.dependencies_present?}"
    hook.install
    #{super}
  RUBY

  def look(server)
    holding(server, 2) do
      statsd.await({ "puma_pool_capacity" => threads - 2, "puma_threads running" => threads, "puma_threads max" => threads, "puma_connection_backlog" => 0,
                     **(clustered? ? { "puma_workers count" => 2, "puma_workers booted" => 2, "puma_workers old" => 0 } : {}) })
    end
    expect(server.stdout).to include("hook true")
    statsd.forget
  end
end
