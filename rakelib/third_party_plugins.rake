# frozen_string_literal: true

# Gems that extend Puma, from checkouts of theirs, beside this server: each as one process and as clusters, through restarts
# to its end. What is ours of it, a probe for each gem, is in spec/third_party/plugins. GEMS is a directory of checkouts, each
# called by its repository's name, alone (solid_queue) or behind its owner's (rails-solid_queue). They are at GitHub:
#
#   rails/solid_queue floraison/fugit floraison/et-orbi floraison/raabro rails/tailwindcss-rails
#   fractaledmind/litestream-ruby appsignal/appsignal-ruby newrelic/newrelic-ruby-agent
#   yabeda-rb/yabeda-puma-plugin yabeda-rb/yabeda yabeda-rb/yabeda-prometheus prometheus/client_ruby
#   palkan/anyway_config (a version that Ruby reads as it is, v2.5.4) ruby-next/ruby-next dry-rb/dry-initializer
#   yob/puma-plugin-statsd harmjanblok/puma-metrics babbel/puma-plugin-telemetry anchordotdev/puma-acme
#   kigster/puma-daemon zombocom/puma_worker_killer zombocom/get_process_mem heroku/barnes reinh/statsd
#   discourse/prometheus_exporter judoscale/judoscale-ruby
#
# Gems among them that others need, and Rails, sqlite3, webrick, multi_json and a real Puma have to be installed.
desc "See that gems that extend Puma work here (GEMS=directory of checkouts; PROBES=statsd,yabeda for some of them)"
task(third_party_plugins: :compile) do
  gems = ENV["GEMS"] || abort("rake third_party_plugins GEMS=path/to/a/directory/of/checkouts")
  names = ENV.fetch("PROBES", "*").split(",")
  probes = names.flat_map { |name| Dir["spec/third_party/plugins/#{name}_probe.rb"].sort }
  abort "no such probe: #{names.join(", ")}" if probes.empty?
  sh({ "GEMS" => File.expand_path(gems) }, RbConfig.ruby, "-S", "rspec", "-r", "./spec/third_party/plugins/formatter",
     "--format", "ThirdParty::Formatter", *probes, verbose: false) do |passed, _|
    abort "some gems do not work as they should" unless passed
  end
end
