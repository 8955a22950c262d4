# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"
require_relative "../support/cluster"
require_relative "../support/operator"

# What gems that extend Puma call, by plugins of our own. The real ones: rake third_party_plugins.
RSpec.describe "Gems that extend Puma" do
  modes = { "workers 0" => 1, "workers 2\npreload_app! false" => 2, "workers 2\npreload_app!" => 2 }
  # Most of these gems depend on Puma. It is in the bundle then, and nobody has loaded it.
  with_puma = { "RUBYOPT" => "-rbundler/setup" }

  # A server with three threads in each process, and a plugin called "theirs".
  define_method(:beside) do |plugin, config = "", mode: "workers 0", gems: %w[puma], files: {}, app: ClusterMethods::WAITING, **rest|
    serve(app, args: %w[-I lib], env: with_puma, **rest, files: {
      "Gemfile" => Bundle.gemfile(*gems), "lib/puma/plugin/theirs.rb" => plugin, **files,
      "config/puma.rb" => "threads 3, 3\nworker_check_interval 1\n#{mode}\nplugin :theirs\n#{config}"
    })
  end

  def ends_well(server)
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(server.stderr).to eq("")
  end

  # As those for statsd do.
  poller = <<~'RUBY'
    require "puma"
    require "puma/plugin"

    module Puma
      class DSL
        def poll_every(seconds) = @options[:poll_every] = seconds
      end
    end

    Puma::Plugin.create do
      def start(launcher)
        in_background do
          loop do
            stats = Puma.stats_hash
            figures = stats.key?(:workers) ? stats[:worker_status].map { |worker| worker[:last_status] } : [stats]
            sums = %i[max_threads running pool_capacity].map { |key| figures.sum { |of| of.fetch(key, 0) } }
            launcher.log_writer.log("polled #{[stats.fetch(:booted_workers, 1), *sums].join(" ")}")
            sleep launcher.options[:poll_every]
          end
        end
      end
    end
  RUBY
  [[], %w[puma]].each do |gems|
    modes.each do |mode, processes|
      it "G-08, RR-13: one that polls Puma.stats_hash gets true numbers (#{[mode.tr("\n", " "), *gems].join(", ")})" do
        server = beside(poller, "poll_every 0.05", mode:, gems:)
        all = processes * 3
        server.wait_for_stdout(/polled #{processes} #{all} #{all} #{all}$/)
        waiting_request(server)
        server.wait_for_stdout(/polled #{processes} #{all} #{all} #{all - 1}$/)
        let_go(server)
        ends_well(server)
      end
    end
  end

  # Bundler runs such a gemspec, which loads the file with the version.
  it "G-08: one that comes from a folder makes the module Puma before the server does" do
    server = beside("#{poller}\nputs \"version \#{Puma::Plugin::Theirs::VERSION}\"", "poll_every 0.05", gems: ["puma", "theirs', path: 'theirs"], files: {
      "theirs/lib/theirs/version.rb" => "module Puma; class Plugin; module Theirs; VERSION = '1.2'; end; end; end",
      "theirs/theirs.gemspec" => <<~RUBY
        require_relative "lib/theirs/version"
        Gem::Specification.new("theirs", Puma::Plugin::Theirs::VERSION) { |gem| gem.summary = gem.author = "x" }
      RUBY
    })
    server.wait_for_stdout(/polled 1 3 3 3$/)
    expect(server.stdout).to match(/^version 1.2$/)
    ends_well(server)
  end

  modes.each_key do |mode|
    it "G-08, D-61: one that asks the control app knows where it is, and its token (#{mode.tr("\n", " ")})" do
      server = beside(<<~'RUBY', "activate_control_app", mode:)
        require "puma/plugin"
        require "socket"

        Puma::Plugin.create do
          def start(launcher)
            url, token = launcher.options[:control_url], launcher.options[:control_auth_token]
            launcher.events.after_booted do
              Thread.new do
                Socket.unix(url.delete_prefix("unix://")) do |socket|
                  socket << "GET /stats?token=#{token} HTTP/1.0\r\n\r\n"
                  launcher.log_writer.log("asked: #{socket.read.lines.last[0, 14]}")
                end
              end
            end
          end
        end
      RUBY
      server.wait_for_stdout(/asked: \{"started_at":/)
      ends_well(server)
    end
  end

  it "G-08, RR-13: iodine-rs ctl reads a configuration file with such words" do
    server = beside(poller, "poll_every 1\nactivate_control_app 'unix://control', no_token: true")
    output, status = Bundle.capture({ **Bundle::CLEAN, **with_puma, "RUBYLIB" => "lib" }, *OperatorMethods::CTL, "stats", chdir: server.dir)
    expect([output[/"max_threads":\d/], status.exitstatus]).to eq(["\"max_threads\":3", 0]), output
  end

  # As tailwindcss-rails does, before the app is loaded; what it waits for must not be the server's handlers of signals.
  modes.each_key do |mode|
    it "G-08: one may fork a watcher when it starts, and end it with the server (#{mode.tr("\n", " ")})" do
      server = beside(<<~'RUBY', mode:)
        require "puma/plugin"

        Puma::Plugin.create do
          def start(launcher)
            watcher = fork do
              puts "watcher of #{Process.ppid}"
              sleep
            rescue Interrupt
              puts "watcher ends"
            end
            launcher.events.after_stopped do
              Process.kill(:INT, watcher)
              Process.wait(watcher)
            end
          end
        end
      RUBY
      server.wait_for_stdout(/watcher of #{server.pid}$/)
      expect(server.stdout).not_to include("watcher ends")
      ends_well(server)
      expect(server.stdout).to include("watcher ends")
    end
  end

  it "G-08: an agent that is started in a worker reads that worker's numbers from Puma.stats" do
    server = beside("Puma::Plugin.create { }", <<~'RUBY', mode: "workers 1\nsilence_single_worker_warning")
      before_worker_boot do
        require "json"
        Thread.new do
          loop do
            puts "agent: #{JSON.parse(Puma.stats).values_at("running", "pool_capacity")}"
            sleep 0.05
          end
        end
      end
    RUBY
    waiting_request(server)
    server.wait_for_stdout(/agent: \[3, 2\]/)
    let_go(server)
    ends_well(server)
  end

  # As puma-acme does, to open encrypted addresses of its own.
  [[], %w[puma]].each do |gems|
    it "G-08: one that changes how addresses are opened is refused, with advice (#{["bundle", *gems].join(" with ")})" do
      server = beside(<<~RUBY, gems:, wait: false)
        require "puma/plugin"
        require "puma/binder"

        module Puma
          class Binder
            alias parse_before parse
            def parse(...) = parse_before(...)
          end
        end
      RUBY
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to match(%r{\AERROR: .*config/puma.rb:4: Puma::Binder#parse cannot be changed, .*ssl_bind})
    end
  end

  it "G-08: one that needs the inside of Puma is told that it is not there" do
    server = beside("require 'puma/runner'", wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(%r{\AERROR: .*config/puma.rb:4: cannot load such file -- puma/runner})
  end
end
