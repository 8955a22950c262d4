# frozen_string_literal: true

require "spec_helper"
require "json"
require "uri"
require_relative "../support/bundle"
require_relative "../support/cluster"

RSpec.describe "Puma's name" do
  # An app that answers with what Ruby makes of its query.
  asking = 'run ->(env) { [200, {}, [eval(Rack::Utils.unescape(env["QUERY_STRING"])).to_s]] }'

  def answer(server, source) = Http.get(server, "/?#{URI.encode_www_form_component(source)}").body

  it "RR-05, G-04: means this server in a process that serves" do
    server = serve(asking)
    expect(answer(server, "Puma.equal?(IodineRs::Puma)")).to eq("true")
    expect(answer(server, "Gem::Version.new(Puma::Const::VERSION) >= Gem::Version.new('7')")).to eq("true")
    expect(answer(server, "Puma::Const::PUMA_VERSION == Puma::Const::VERSION")).to eq("true")
    expect(answer(server, "Puma::ThreadPool::ForceShutdown == IodineRs::ForceShutdown")).to eq("true")
    expect(answer(server, "[Puma::Plugin, Puma::Events, Puma::LogWriter, Puma::Launcher, Puma::Configuration].map(&:class).uniq")).to eq("[Class]")
    expect(answer(server, "defined?(::Puma::Server)")).not_to be_empty
  end

  [[], %w[-w 2], %w[-w 2 --set preload_app=false]].each do |args|
    it "E-26, RR-05: the app finds the configuration in its env, and as Puma.cli_config #{args.join(" ")}" do
      app = <<~'RUBY'
        puts "loading with #{Puma.cli_config.options[:max_threads]}"
        run ->(env) { config = env["puma.config"]; [200, {}, [[config.class, config.options[:max_threads], config.equal?(Puma.cli_config)].join(" ")]] }
      RUBY
      server = serve(app, args:, files: { "config/puma.rb" => "threads 2, 7" })
      expect(Http.get(server).body).to eq("Puma::Configuration 7 true")
      server.wait_for_stdout(/loading with 7/)
    end
  end

  it "RR-05: means nothing in a program that only has the gem" do
    expect(Bundle.run([], "Bundler.require; p defined?(Puma), defined?(IodineRs)")).to eq("nil\n\"constant\"\n")
  end

  it "RR-05: is there for programs that load one of its files" do
    files = %w[configuration const dsl events launcher log_writer plugin server]
    program = "#{files}.each { |file| require 'puma/' + file }; p Puma.equal?(IodineRs::Puma), Puma::Server, Puma::Events"
    expect(Bundle.run([], program)).to eq("true\nIodineRs::Puma::Server\nIodineRs::Puma::Events\n")
    expect(Bundle.run(%w[puma], "require 'puma/events'; p defined?(Puma::Events), Object.const_source_location('Puma').first.include?('iodine')")).to eq("\"constant\"\nfalse\n")
  end

  it "RR-13: stays with a real Puma that the bundle has" do
    program = "Bundler.require; IodineRs::Puma.offer; require 'puma'; require 'puma/plugin'; p Puma.equal?(IodineRs::Puma), Puma::Const::VERSION == Gem.loaded_specs['puma'].version.to_s"
    expect(Bundle.run(%w[puma], program)).to eq("false\ntrue\n")
  end

  it "RR-13, G-08: a real Puma that is loaded already gets its figures here" do
    printed = Bundle.run(%w[puma rackup], <<~'RUBY')
      require "puma"
      require "rackup"
      require "rackup/handler/iodine_rs"
      app = ->(_) { [200, {}, []] }
      Rackup::Handler::IodineRs.run(app, Port: 0, Threads: "2:2", Silent: true) do |launcher|
        Thread.new do
          sleep 0.01 until IodineRs.stats_hash.to_h[:max_threads]
          p Puma.equal?(IodineRs::Puma), Puma.stats_hash[:max_threads], Puma.stats[/"max_threads":\d/]
          launcher.stop
        end
      end
    RUBY
    expect(printed).to eq("false\n2\n\"\\\"max_threads\\\":2\"\n")
  end

  it "D-64: @options and @config are there in a configuration file" do
    config = <<~'RUBY'
      workers 1
      @options[:worker_timeout] = "90"
      @options[:mine] = 7
      puts "is #{@config.class}, #{@config.options[:workers]}, #{@config.options[:max_threads]}"
      before_fork { puts "later #{@config.options[:worker_timeout].inspect} #{@config.options[:environment]} #{@config.options.fetch(:mine)}" }
    RUBY
    server = serve(asking, files: { "config/puma.rb" => config })
    expect(server.stdout).to match(/^is Puma::Configuration, 1, 5$/)
    server.wait_for_stdout(/^later 90 production 7$/)
  end

  # As appsignal does it, whose hook is installed wherever there is a Puma.
  it "RR-05: gems that report errors hear of those that escape from the app, as a server's lowlevel_error" do
    app = <<~'RUBY'
      reporting = Module.new do
        def lowlevel_error(error, env, status = 500)
          super.tap { |answer| puts "heard #{error.message} of #{env["PATH_INFO"]}, #{answer.first}" }
          raise "not sent"
        end
      end
      Puma::Server.prepend(reporting)
      broken = Enumerator.new { |parts| (parts << "part") && raise("the body") }
      run ->(env) { env["PATH_INFO"] == "/body" ? [200, {}, broken] : raise("the app") }
    RUBY
    server = serve(app)
    expect(Http.get(server, "/").status).to eq(500)
    server.wait_for_stdout(%r{^heard the app of /, 500$})
    server.connect.write("GET /body HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_for_stdout(%r{^heard the body of /body, 500$})
  end

  it "RR-05, G-08: an agent may wrap the end of the workers" do
    server = cluster(<<~'RUBY', workers: 1, args: %w[--preload])
      Puma::Cluster.class_eval do
        alias_method :stop_workers_without_agent, :stop_workers
        def stop_workers
          puts "the agent stops"
          stop_workers_without_agent
        end
      end
      run ->(_env) { [200, {}, []] }
    RUBY
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(server.stdout).to match(/shutting down workers.*the agent stops.*Goodbye/m)
  end

  [[], %w[-w 1]].each do |args|
    it "4.2: Puma.stats is JSON and Puma.stats_hash the same by Symbol #{args.join(" ")}" do
      server = serve(asking, args:)
      eventually { args.empty? || server.stdout.include?("booted") }
      expect(JSON.parse(answer(server, "Puma.stats"))).to be_a(Hash)
      expect(answer(server, "Puma.stats_hash.keys.all?(Symbol)")).to eq("true")
    end
  end

  it "RR-05: runs a launcher that a script has made" do
    printed = Bundle.run([], <<~'RUBY')
      require "puma"
      config = Puma::Configuration.new { |user, file, default|
        user.bind "tcp://127.0.0.1:0"
        user.threads 1, 2
        default.threads 3, 4
        user.app { |env| [200, {}, ["x"]] }
      }
      events = Puma::Events.new
      launcher = Puma::Launcher.new(config, log_writer: Puma::LogWriter.strings, events: events)
      events.after_booted { puts "booted, #{launcher.options[:max_threads]} threads, #{launcher.connected_ports.size} port"; launcher.stop }
      events.after_stopped { puts "stopped" }
      launcher.run
      puts launcher.log_writer.stdout.string[/Goodbye!/]
    RUBY
    expect(printed).to eq("booted, 2 threads, 1 port\nstopped\nGoodbye!\n")
  end

  it "5.2: a configuration reads the files that it is told to, or none" do
    printed = Bundle.run([], <<~'RUBY')
      require "puma"
      File.write("a.rb", "threads 2, 3\nworkers 2\ntag 'a'")
      Dir.mkdir("config")
      File.write("config/puma.rb", "tag 'usual'")
      [{ config_files: ["a.rb"] }, { config_files: ["-"], tag: "none" }, {}].each do |options|
        found = Puma::Configuration.new(options.merge(workers: 0)).tap(&:clamp).options
        p [found[:tag], found[:workers], found[:max_threads], found.file_options.key?(:tag)]
      end
    RUBY
    expect(printed).to eq(<<~TEXT)
      ["a", 0, 3, true]
      ["none", 0, 5, false]
      ["usual", 0, 5, true]
    TEXT
  end

  it "5.2: a handler's configuration does not read its file twice, and keeps the host" do
    printed = Bundle.run(%w[rackup], <<~'RUBY')
      require "rackup"
      require "rack/handler/puma"
      Dir.mkdir("config")
      File.write("config/puma.rb", "puts 'read'\nport 6001")
      File.write("other.rb", "log_requests")
      p Rackup::Handler::Puma.config(->(_) {}, user_supplied_options: [], Host: "localhost", Port: 1).tap(&:clamp).options[:binds]
      p Rackup::Handler::Puma.config(->(_) {}, config_files: ["other.rb"]).tap(&:clamp).options[:log_requests]
    RUBY
    expect(printed).to eq("read\n[\"tcp://localhost:6001\"]\ntrue\n")
  end

  it "5.2: the handler tells events that it is given" do
    printed = Bundle.run(%w[rackup], <<~'RUBY')
      require "rackup"
      require "rack/handler/puma"
      require "puma/events"
      events, launcher = Puma::Events.new, nil
      events.after_booted { puts "booted"; launcher.stop }
      Rackup::Handler::Puma.run(->(_) { [200, {}, []] }, events: events, Silent: true, Port: 0) { |it| launcher = it }
    RUBY
    expect(printed).to eq("booted\n")
  end

  it "RR-01: the handler is Rack's where nobody has loaded Rackup" do
    program = 'require "rack"; require "rack/handler/puma"; p Rack::Handler::Puma.respond_to?(:run), Rackup::Handler::Puma'
    expect(Bundle.run(%w[rackup], program)).to eq("true\nRackup::Handler::IodineRs\n")
    program = 'require "rackup"; require "rack/handler/puma"; p defined?(Rack::Handler)'
    expect(Bundle.run(%w[rackup], program)).to eq("nil\n")
  end

  it "RR-05: says what configuration files ask about the platform" do
    server = serve(asking, files: { "config/puma.rb" => "threads 1, 2 unless Puma::IS_JRUBY || Puma::IS_WINDOWS" })
    expect(answer(server, "[Puma::IS_MRI, Puma.ssl?, Puma::HAS_SSL, Puma.osx?, Puma::Configuration.default_tcp_bind(80)]")).to match(%r{\A\[true, true, true, false, "tcp://.*:80"\]})
  end

  it "5.2: Rackup::Handler::Puma.config tells what the server would run with" do
    printed = Bundle.run(%w[rackup], <<~'RUBY')
      require "rackup"
      require "rack/handler/puma"
      conf = Rackup::Handler::Puma.config(->(env) { [200, {}, []] }, Host: "127.0.0.1", Port: 0, Threads: "0:4", workers: 0, daemon: false, Silent: true)
      conf.clamp
      p conf.options[:binds], conf.options[:min_threads], conf.options[:max_threads], conf.options[:Silent], conf.app.call({})
    RUBY
    expect(printed).to eq("[\"tcp://127.0.0.1:0\"]\n0\n4\ntrue\n[200, {}, []]\n")
  end
end
