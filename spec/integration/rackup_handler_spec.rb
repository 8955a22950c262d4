# frozen_string_literal: true

require "open3"
require "iodine_rs"
require "rack"
require "rackup"
require "rbconfig"
require_relative "../support/certificates"
require_relative "../support/tls_socket"

RSpec.describe "The rackup handler" do
  lib = File.expand_path("../../lib", __dir__)
  hello = "run ->(env) { [200, {}, ['hello']] }"

  # Names are looked up in a process of their own, before anything of the gem is loaded.
  def script(source, lib)
    Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-rrackup", "-e", source).first
  end

  {
    'Rackup::Handler.get("iodine_rs")' => "by its name",
    'Rackup::Handler.get("iodine-rs")' => "by the gem's name",
    'Rackup::Handler.get(:iodine_rs)' => "as a Symbol",
    'Rackup::Handler.pick(%w[no_such_server iodine_rs])' => "among others",
    '(ENV["RACKUP_HANDLER"] = "iodine_rs") && Rackup::Handler.default' => "by RACKUP_HANDLER"
  }.each do |source, how|
    it "is found #{how}" do
      expect(script("p(#{source})", lib)).to eq("Rackup::Handler::IodineRs\n")
    end
  end

  describe "for programs that call it (RR-06)" do
    # A program that runs the handler with these options, beside a configuration file that has a port of its own.
    define_method(:run_with) do |options|
      program = <<~RUBY
        require "rackup"
        app = ->(_env) { [200, {}, ["hello"]] }
        Rackup::Handler.get("iodine_rs").run(app, log_stdout: true, DoNotReverseLookup: true, #{options}) { |launcher| puts "yields \#{launcher.class}" }
      RUBY
      files = { "run.rb" => program, "config/puma.rb" => "bind 'unix://file.sock'\nthreads 3, 3" }
      ServerProcess.start(command: [RbConfig.ruby, "-I#{lib}", "run.rb"], bind: nil, files:).tap { |server| (@servers ||= []) << server }
    end

    it "yields the launcher, and leaves alone options that are for others" do
      server = run_with("Host: '127.0.0.1', Port: 0")
      expect(server.stdout).to include("yields IodineRs::Launcher", "Max threads: 3\n")
      expect(Http.get(server).body).to eq("hello")
    end

    it "lets an address that the user typed win over the file" do
      server = run_with("Host: '127.0.0.1', Port: 0, user_supplied_options: [:Port]")
      expect(server.stdout.scan(/Listening on (\S+)/).flatten).to match([%r{\Ahttp://127.0.0.1:\d+\z}])
    end

    it "lets the file win over one that nobody typed" do
      server = run_with("Host: '127.0.0.1', Port: 0, Threads: '0:9', user_supplied_options: []")
      expect(server.stdout.scan(/Listening on (\S+)/).flatten).to eq(%w[unix://file.sock])
      expect(server.stdout).to include("Max threads: 3\n")
    end
  end

  describe "as Puma's (RR-06)" do
    let(:handler) { Rackup::Handler.get("iodine_rs") }

    # What the handler makes of these, without a configuration file.
    def settings(**options) = handler.config(->(_env) {}, { config_files: ["-"], **options }).tap(&:clamp).options

    it "reads no file where config_files is a dash, and takes any option by its name" do
      expect(settings(workers: 2, worker_timeout: 77).then { |options| [options[:workers], options[:worker_timeout]] }).to eq([2, 77])
    end

    it "is neither silent nor verbose unless that is said" do
      expect(%i[Silent Verbose].map { |name| settings[name] }).to eq([false, false])
      expect(settings(Silent: true)[:Silent]).to be(true)
      expect(IodineRs::Puma::RackHandler::DEFAULT_OPTIONS).to eq(Verbose: false, Silent: false)
    end

    { ["ssl://127.0.0.1?cert=c&key=k", 3456] => "ssl://127.0.0.1:3456?cert=c&key=k", ["ssl://[::1]?cert=c&key=k", 3456] => "ssl://[::1]:3456?cert=c&key=k",
      ["ssl://127.0.0.1:9?cert=c&key=k", 3456] => "ssl://127.0.0.1:9?cert=c&key=k", [".sock", 3456] => "unix://.sock",
      [nil, 3456] => IodineRs::Bind.port(3456), ["::1", nil] => "tcp://[::1]:9292" }.each do |(host, port), address|
      it "B-08: set_host_port_to_config makes #{host.inspect} and #{port.inspect} the only address" do
        config = IodineRs::DSL.new.tap { |dsl| dsl.bind("unix://before") }
        handler.set_host_port_to_config(host, port, config)
        expect(config.get(:binds)).to eq([address])
        expect(settings(**{ Host: host, Port: port }.compact)[:binds]).to eq([address])
      end
    end

    it "set_host_port_to_config leaves the addresses where it gets none" do
      config = IodineRs::DSL.new.tap { |dsl| dsl.bind("unix://before") }
      handler.set_host_port_to_config(nil, nil, config)
      expect(config.get(:binds)).to eq(["unix://before"])
    end
  end

  describe "rackup -s" do
    around do |example|
      before = ENV.fetch("IODINE_SPEC_SERVER", nil)
      ENV["IODINE_SPEC_SERVER"] = "#{RbConfig.ruby} -I#{lib} -S rackup"
      example.run
    ensure
      ENV["IODINE_SPEC_SERVER"] = before
    end

    def rackup(app, *args, **) = serve(app, bind: nil, args: %w[-o 127.0.0.1 -p 0] + args, **)

    %w[iodine_rs iodine-rs].each do |name|
      it "#{name} serves" do
        server = rackup(hello, "-s", name)
        expect(Http.get(server).body).to eq("hello")
        expect(server.stdout).to include("iodine-rs starting in single mode...", "*  Environment: production")
      end
    end

    it "takes options after -O" do
      server = rackup(hello, *%w[-s iodine_rs -O Threads=2:3 -O max_head_size=2000])
      expect(server.stdout).to include("*  Min threads: 2\n*  Max threads: 3\n")
      expect(Http.get(server, "/", { "x-long" => "x" * 3000 }).status).to eq(431)
    end

    it "B-08: takes an ssl:// address as its host, and Rack::Lint finds nothing wrong" do
      files = Certificates.shared.files
      server = serve(hello, bind: nil, args: ["-s", "iodine_rs", "-E", "development", "-o", "ssl://127.0.0.1:0?cert=site.crt&key=site.key"], files:)
      expect(Http.get(TLSSocket::Door.new(server.port, {})).body).to eq("hello")
    end

    it "serves an app under Rack::Lint, which rackup adds in development" do
      server = rackup(hello, *%w[-s iodine_rs -E development])
      expect(Http.get(server).body).to eq("hello")
    end

    it "reads config/iodine_rs.rb" do
      server = rackup(hello, *%w[-s iodine_rs], files: { "config/iodine_rs.rb" => "tag 'shop'\nthreads 4" })
      expect(server.stdout).to include("*  Max threads: 4\n")
    end

    it "drains on INT and ends with status 0" do
      server = rackup(hello, "-s", "iodine_rs")
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(0)
      expect(server.stdout).to match(/^- Gracefully stopping, waiting for requests to finish\n=== puma shutdown: .* ===\n- Goodbye!\n\z/)
    end

    it "drains on TERM and ends as killed by it; rackup's pid file is gone" do
      server = rackup(hello, *%w[-s iodine_rs -P rack.pid])
      server.signal("TERM")
      expect(server.wait_exit.termsig).to eq(Signal.list["TERM"])
      expect(server.stdout).to end_with("- Goodbye!\n")
      expect(File.exist?("#{server.dir}/rack.pid")).to be(false)
    end
  end

  describe "run" do
    let(:handler) { Rackup::Handler.get(:iodine_rs) }

    # Runs the handler in a thread; yields the launcher once it serves, and ends with it.
    def run_in_thread(**options)
      launchers = Thread::Queue.new
      thread = Thread.new do
        app = ->(_env) { [200, {}, ["in a thread"]] }
        handler.run(app, Host: "127.0.0.1", Port: 0, Silent: true, **options) { |launcher| launchers << launcher }
      end
      launcher = launchers.pop
      eventually { launcher.stats[:max_threads] }
      yield launcher
    ensure
      launcher&.stop
      thread.join(5) or raise "the handler did not end"
    end

    it "yields the launcher, accepts what it does not know and ends when the launcher is stopped" do
      run_in_thread(Threads: "0:2", AccessLog: [], pid: nil, daemonize: false, DoNotReverseLookup: true) do |launcher|
        expect(launcher.options[:max_threads]).to eq(2)
        expect(Http.get(launcher.connected_ports.first).body).to eq("in a thread")
      end
    end

    it "leaves signals alone outside the main thread" do
      handlers = -> { %w[INT TERM QUIT].map { |name| trap(name, "IGNORE").tap { |old| trap(name, old) } } }
      before = handlers.call
      run_in_thread { expect(handlers.call).to eq(before) }
    end

    it "in the main thread gives signals back when it ends" do
      output = script(<<~'RUBY', lib)
        trap("INT") { STDOUT.puts :mine }
        require "stringio"
        $stdout = StringIO.new
        handler = Rackup::Handler.get(:iodine_rs)
        handler.run(->(_env) { [200, {}, []] }, Host: "127.0.0.1", Port: 0) do
          Thread.new do
            sleep 0.01 until $stdout.string.include?("Use Ctrl-C")
            Process.kill(:INT, Process.pid)
          end
        end
        STDOUT.puts :ended
        Process.kill(:INT, Process.pid)
        sleep 0.1
      RUBY
      expect(output).to eq("ended\nmine\n")
    end
  end
end
