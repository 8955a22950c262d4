# frozen_string_literal: true

require_relative "probe"

# Ends the largest worker where all of them together have more memory than they should: always, here.
ThirdParty.probe "puma_worker_killer", "zombocom/puma_worker_killer",
                 modes: ["a cluster", "a preloading cluster"], needs: { "get_process_mem" => "zombocom/get_process_mem" } do
  def config = <<~RUBY
    before_fork do
      require "puma_worker_killer"
      PumaWorkerKiller.config do |config|
        config.ram = 1
        config.frequency = 1
        config.rolling_restart_frequency = false
      end
      PumaWorkerKiller.start
    end
  RUBY

  def look(server)
    before = booted(server).size
    await_workers(server, before + 2)
    expect(server.stdout).to match(/PumaWorkerKiller: Out of memory. 2 workers consuming total: [\d.]+ mb.*Sending TERM to pid (#{booted(server).join("|")})/)
    expect(Http.get(server).status).to eq(200)
  end
end
