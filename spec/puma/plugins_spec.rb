# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"
require_relative "../support/cluster"

RSpec.describe "Plugins" do
  plugins = File.expand_path("../support/plugins", __dir__)
  hello = "run ->(_env) { [200, {}, ['hello']] }"

  # A server with a configuration file, and plugins in its load path.
  define_method(:configured) do |config, args: [], **rest|
    serve(hello, args: ["-I", "#{plugins}:lib", *args], files: { "config/puma.rb" => config, **rest.delete(:files).to_h }, **rest)
  end

  def supervisors(server) = server.stdout.scan(/supervisor (\d+) of (\d+) begins/).map { |pair| pair.map(&:to_i) }
  def ended(server) = server.stdout.scan(/supervisor (\d+) ends/).flatten.map(&:to_i)

  describe "solid_queue" do
    [[], %w[-w 2], %w[-w 2 --preload]].each do |args|
      it "G-05, G-08: runs beside the server and ends with it: #{args.join(" ")}" do
        server = configured("plugin :solid_queue", args:)
        eventually { supervisors(server).size == 1 }
        supervisor, parent = supervisors(server).first
        expect(parent).to eq(server.pid)
        expect(Http.get(server).body).to eq("hello")
        server.signal("INT")
        expect(server.wait_exit.exitstatus).to eq(0)
        expect(ended(server)).to eq([supervisor])
        expect(server.stdout).to include("Stopping the supervisor...")
      end
    end

    it "G-05: stops the server when its supervisor has gone" do
      server = configured("plugin :solid_queue")
      eventually { supervisors(server).size == 1 }
      Process.kill("KILL", supervisors(server).first.first)
      expect(server.wait_exit.exitstatus).to eq(0)
      expect(server.stdout).to include("supervisor gone, stopping the server")
    end

    it "G-05: has one supervisor after a hot restart, in the same process" do
      server = configured("plugin :solid_queue")
      eventually { supervisors(server).size == 1 }
      server.signal("USR2")
      eventually { supervisors(server).size == 2 }
      expect(supervisors(server).map(&:last)).to eq([server.pid] * 2)
      expect(ended(server)).to eq([supervisors(server).first.first])
    end

    it "G-05: goes on through a phased restart" do
      server = configured("plugin :solid_queue\npreload_app! false\nafter_booted { puts 'booted again' }", args: %w[-w 2])
      eventually { supervisors(server).size == 1 }
      server.signal("USR1")
      eventually(limit: 20) { server.stdout.scan("booted again").size == 2 }
      expect([supervisors(server).size, ended(server)]).to eq([1, []])
    end

    it "D-65, G-03: reads the mode that its own word has set" do
      server = configured("plugin :solid_queue\nsolid_queue_mode :async")
      server.wait_for_stdout(/async supervisor in #{server.pid}/)
      server.signal("INT")
      server.wait_exit
      expect(server.stdout).to include("async supervisor stopped")
    end
  end

  it "G-01, G-02: are told to configure, to start and to run in the background, in that order" do
    source = <<~'RUBY'
      Puma::Plugin.create do
        def config(dsl) = puts("1 configures, workers #{dsl.get(:workers)}")

        def start(launcher)
          launcher.log_writer.log("2 starts with #{launcher.options[:workers]} #{launcher.config.environment}")
          in_background { puts "4 runs, #{launcher.connected_ports == launcher.binder.connected_ports}" }
        end
      end
    RUBY
    server = serve("puts '3 loads the app'\n#{hello}", args: %w[-I lib], files: {
      "lib/puma/plugin/witness.rb" => source, "config/puma.rb" => "plugin :witness\nworkers 0"
    })
    server.wait_for_stdout(/4 runs, true/)
    expect(server.stdout.scan(/^(?:\d) .*/)).to eq(["1 configures, workers 0", "2 starts with 0 production", "3 loads the app", "4 runs, true"])
  end

  # As exporters of figures do.
  [[], %w[-w 1]].each do |args|
    it "G-04, G-08: may run a server of their own beside this one #{args.join(" ")}" do
      source = <<~'RUBY'
        require "puma/plugin"

        module Puma
          class DSL
            def exporter_host(host) = @options[:exporter_host] = host
          end
        end

        Puma::Plugin.create do
          def start(launcher)
            app = ->(_env) { [200, {}, [JSON.generate(launcher.stats.key?(:workers) ? "cluster" : "single")]] }
            server = Puma::Server.new(app, launcher.events, min_threads: 0, max_threads: 1)
            launcher.events.on_booted do
              port = server.add_tcp_listener(launcher.options.fetch(:exporter_host), 0).addr[1]
              server.run
              launcher.log_writer.log("exports on #{port}")
            end
            [:on_restart, :on_stopped].each { |word| launcher.events.public_send(word) { server.stop(true) unless server.shutting_down? } }
          end
        end
      RUBY
      server = serve("require 'json'\n#{hello}", args: ["-I", "lib", "--preload", *args], files: {
        "lib/puma/plugin/exporter.rb" => source, "config/puma.rb" => "plugin :exporter\nexporter_host '127.0.0.1'"
      })
      port = server.wait_for_stdout(/exports on (\d+)/)[1].to_i
      expect(Http.get(port).body).to eq(args.empty? ? '"single"' : '"cluster"')
      expect(Http.get(server).body).to eq("hello")
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(0)
    end
  end

  [[], %w[-w 1]].each do |args|
    it "G-03: hear of the states of a server (#{args.empty? ? "one process" : "a cluster"})" do
      source = 'Puma::Plugin.create { def start(launcher) = launcher.events.register(:state) { |state| puts "is #{state}" } }'
      server = serve(hello, args: ["-I", "lib", *args], files: { "lib/puma/plugin/states.rb" => source, "config/puma.rb" => "plugin :states" })
      server.wait_for_stdout(/is running/)
      server.signal("USR2")
      server.wait_for_stdout(/is running.*is running/m)
      server.signal("INT")
      server.wait_exit
      expect(server.stdout.scan(/^is (\w+)/).flatten).to eq(%w[booting running restart done booting running stop done])
    end
  end

  it "G-03: hear that a server was halted" do
    source = 'Puma::Plugin.create { def start(launcher) = launcher.events.register(:state) { |state| puts "is #{state}" } }'
    server = serve(hello, args: %w[-I lib], files: { "lib/puma/plugin/states.rb" => source, "config/puma.rb" => "plugin :states" })
    server.wait_for_stdout(/is running/)
    server.signal("QUIT")
    server.wait_exit
    expect(server.stdout.scan(/^is (\w+)/).flatten).to eq(%w[booting running halt done])
  end

  it "C-15: come from the command line, too" do
    server = serve(hello, args: ["-I", plugins, "--plugin", "solid_queue"])
    eventually { supervisors(server).size == 1 }
  end

  it "G-06, D-60: tmp_restart needs no file of its own" do
    server = configured("plugin :tmp_restart", files: { "tmp/.keep" => "" })
    FileUtils.touch("#{server.dir}/tmp/restart.txt")
    server.wait_for_stdout(/\* Restarting\.\.\.(.*)Use Ctrl-C/m, limit: 20)
  end

  { "plugin :yabeda" => %r{config/puma.rb:1: plugin yabeda: there is no puma/plugin/yabeda.rb in the load path},
    "plugin :nameless" => /plugin nameless: its file makes no plugin/,
    "\nplugin :broken" => %r{config/puma.rb:2: cannot load such file -- no/such/thing} }.each do |config, message|
    it "stops the boot where it is not there: #{config.inspect}" do
      server = configured(config, wait: false, files: { "lib/puma/plugin/nameless.rb" => "", "lib/puma/plugin/broken.rb" => "require 'no/such/thing'" })
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to match(message)
    end
  end

  it "RR-13: register with a real Puma where the bundle has one" do
    server = configured("plugin :solid_queue", env: { "RUBYOPT" => "-rbundler/setup" }, files: { "Gemfile" => Bundle.gemfile("puma") })
    eventually { supervisors(server).size == 1 }
    server.signal("INT")
    server.wait_exit
    expect(server.stdout).to include("Stopping the supervisor...", "Goodbye!")
  end
end
