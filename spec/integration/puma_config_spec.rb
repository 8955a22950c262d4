# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "config/puma.rb" do
  hello = 'run ->(env) { env["PATH_INFO"] == "/boom" ? raise("boom") : [200, {}, ["hello"]] }'

  it "P-02, P-03: is found by environment, and config/iodine_rs.rb wins" do
    puts_name = ->(name) { "puts 'read #{name}'" }
    files = { "config/puma.rb" => puts_name["puma"], "config/puma/staging.rb" => puts_name["staging"] }
    expect(serve(hello, files:).stdout).to include("read puma")
    expect(serve(hello, files:, args: %w[-e staging]).stdout).to include("read staging")
    expect(serve(hello, files:, env: { "APP_ENV" => "staging", "RACK_ENV" => nil }).stdout).to include("read staging")
    expect(serve(hello, files: files.merge("config/iodine_rs.rb" => puts_name["ours"])).stdout).to include("read ours")
  end

  it "D-33, S-06, O-06: redirects the output, and HUP opens the files anew" do
    server = serve("puts 'from the app'\n#{hello}", wait: false, files: {
      "log/.keep" => "", "config/puma.rb" => "stdout_redirect 'log/out', 'log/err', true"
    })
    out = "#{server.dir}/log/out"
    eventually { File.exist?(out) && File.read(out).match?(/\A=== puma startup: \d{4}-/) }
    # Whoever started it sees that it serves.
    expect(server.stdout).to end_with("Use Ctrl-C to stop\n")
    File.rename(out, "#{out}.1")
    server.signal("HUP")
    eventually { File.exist?(out) && File.read(out).match?(/\A=== puma startup: \d{4}-/) }
    server.signal("INT")
    server.wait_exit
    expect(File.read(out)).to match(/^=== puma shutdown: \d{4}-.* ===\n- Goodbye!\n\z/)
  end

  it "D-33: goes on where the files cannot be opened anew" do
    server = serve(hello, wait: false, bind: "unix://app.sock", files: {
      "log/.keep" => "", "config/puma.rb" => "stdout_redirect 'log/out', 'log/err'"
    })
    eventually { File.exist?("#{server.dir}/log/out") && File.read("#{server.dir}/log/out").include?("startup") }
    errors = File.open("#{server.dir}/log/err")
    FileUtils.rm_rf("#{server.dir}/log")
    server.signal("HUP")
    eventually { errors.read.include?("cannot redirect the output") }
    expect(server.alive?).to be(true)
  end

  it "D-33: in a cluster, too" do
    server = serve("run ->(_env) { puts 'in the app'; [200, {}, []] }", wait: false, args: %w[-w 1], bind: "unix://app.sock", files: {
      "log/.keep" => "", "config/puma.rb" => "stdout_redirect 'log/out'"
    })
    out = "#{server.dir}/log/out"
    eventually { File.exist?(out) && File.read(out).include?("booted") }
    File.rename(out, "#{out}.1")
    server.signal("HUP")
    eventually do
      socket = UNIXSocket.new("#{server.dir}/app.sock")
      socket.write("GET / HTTP/1.0\r\n\r\n")
      socket.read
      File.exist?(out) && File.read(out).include?("in the app")
    end
  end

  it "S-06: HUP without redirection stops the server" do
    server = serve(hello)
    server.signal("HUP")
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "D-33: says what is wrong with the file" do
    server = serve(hello, wait: false, files: { "config/puma.rb" => "stdout_redirect 'no/such/file'" })
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(/ERROR: cannot redirect the output: No such file/)
  end

  it "D-32: writes the state file, which stays" do
    server = serve(hello, files: { "config/puma.rb" => "state_path 'state'\nstate_permission 0640" })
    state = "#{server.dir}/state"
    expect(File.read(state)).to eq("---\npid: #{server.pid}\ncontrol_url: \ncontrol_auth_token: \nrunning_from: #{server.dir.dump}\n")
    expect(File.stat(state).mode & 0o777).to eq(0o640)
    server.signal("INT")
    server.wait_exit
    expect(File.exist?(state)).to be(true)
  end

  it "D-26, X-02: ends with 0 after TERM where that is asked for" do
    server = serve(hello, files: { "config/puma.rb" => "raise_exception_on_sigterm false" })
    server.signal("TERM")
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  { "(error)" => "|error| [418, {}, [error.message]]", "(error, env)" => "|error, env| [418, {}, [error.message + env['PATH_INFO']]]",
    "(error, env, status)" => "|error, env, status| [status + 1, {}, [error.message]]" }.each do |name, block|
    it "D-58: lets the app answer #{name} for what it raised" do
      server = serve(hello, files: { "config/puma.rb" => "lowlevel_error_handler { #{block} }" })
      response = Http.get(server, "/boom")
      expect([response.status, response.body]).to eq({ "(error)" => [418, "boom"], "(error, env)" => [418, "boom/boom"],
                                                       "(error, env, status)" => [501, "boom"] }[name])
    end
  end

  it "D-54, D-55: formats lines, or gives them away" do
    server = serve(hello, files: { "config/puma.rb" => 'log_formatter { |line| "<#{line}>" }' })
    expect(server.stdout).to match(/^<\* Listening on .*>$/)
    server = serve(hello, wait: false, files: { "config/puma.rb" => <<~'RUBY' })
      custom_logger Class.new { def write(text) = $stderr.puts("logged #{text}") }.new
    RUBY
    server.wait_for_stderr(/logged Use Ctrl-C to stop/)
  end

  it "D-80, D-81: runs hooks around each thread" do
    server = serve(hello, args: %w[--set thread_idle_timeout=0.2 --set min_threads=0], files: {
      "config/puma.rb" => "on_thread_start { puts 'begins' }\nbefore_thread_exit { puts 'ends' }"
    })
    Array.new(3) { Thread.new { Http.get(server) } }.each(&:join)
    server.wait_for_stdout(/begins/)
  end

  it "says at boot what has nothing to do here" do
    server = serve(hello, files: { "config/puma.rb" => "queue_requests false\nfork_worker\nfork_worker 0\nprune_bundler false" })
    expect(server.stdout).to include("* fork_worker: workers are forked from the master; preload_app shares memory in the same way\n")
  end

  it "stops the boot where the file counts on something else" do
    { "daemonize" => /config\/puma.rb:1: daemonize: run it by systemd/,
      "\nthreds 5, 5" => /config\/puma.rb:2: unknown option threds; did you mean threads\?/ }.each do |config, message|
      server = serve(hello, wait: false, files: { "config/puma.rb" => config })
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to match(message)
    end
  end

  it "--check prints every value with its origin, and starts nothing" do
    server = serve(hello, wait: false, args: %w[--check -t 2:3], files: { "config/puma.rb" => "workers 2\nworker_timeout 90" })
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(server.stdout).to match(/^max_threads +3 +command-line$/).and match(/^worker_timeout +90 +file$/)
      .and match(/^max_head_size +114688 +default$/)
    expect(server.stdout).not_to include("Listening")
  end

  # What Rails has generated, in its own words.
  {
    "7.0" => <<~'RUBY', "7.1" => <<~'RUBY', "7.2" => <<~'RUBY', "8.0, 8.1" => <<~'RUBY', "8.2" => <<~'RUBY'
      max_threads_count = ENV.fetch("RAILS_MAX_THREADS") { 5 }
      min_threads_count = ENV.fetch("RAILS_MIN_THREADS") { max_threads_count }
      threads min_threads_count, max_threads_count
      worker_timeout 3600 if ENV.fetch("RAILS_ENV", "development") == "development"
      port ENV.fetch("PORT") { 3000 }
      environment ENV.fetch("RAILS_ENV") { "development" }
      pidfile ENV.fetch("PIDFILE") { "server.pid" }
      # workers ENV.fetch("WEB_CONCURRENCY") { 2 }
      # preload_app!
      plugin :tmp_restart
    RUBY
      max_threads_count = ENV.fetch("RAILS_MAX_THREADS") { 5 }
      min_threads_count = ENV.fetch("RAILS_MIN_THREADS") { max_threads_count }
      threads min_threads_count, max_threads_count
      if ENV["RAILS_ENV"] == "production"
        require "concurrent-ruby"
        worker_count = Integer(ENV.fetch("WEB_CONCURRENCY") { Concurrent.physical_processor_count })
        workers worker_count if worker_count > 1
      end
      worker_timeout 3600 if ENV.fetch("RAILS_ENV", "development") == "development"
      port ENV.fetch("PORT") { 3000 }
      environment ENV.fetch("RAILS_ENV") { "development" }
      pidfile ENV.fetch("PIDFILE") { "server.pid" }
      plugin :tmp_restart
    RUBY
      threads_count = ENV.fetch("RAILS_MAX_THREADS", 3)
      threads threads_count, threads_count
      port ENV.fetch("PORT", 3000)
      plugin :tmp_restart
      pidfile ENV["PIDFILE"] if ENV["PIDFILE"]
    RUBY
      threads_count = ENV.fetch("RAILS_MAX_THREADS", 3)
      threads threads_count, threads_count
      port ENV.fetch("PORT", 3000)
      plugin :tmp_restart
      plugin :solid_queue if ENV["SOLID_QUEUE_IN_PUMA"]
      pidfile ENV["PIDFILE"] if ENV["PIDFILE"]
    RUBY
      threads ENV.fetch("RAILS_MAX_THREADS", 3)
      port ENV.fetch("PORT", 3000)
      plugin :tmp_restart
      plugin :solid_queue unless ["", "false", "0"].include?(ENV.fetch("SOLID_QUEUE_IN_PUMA", ""))
      pidfile ENV["PIDFILE"] if ENV["PIDFILE"]
    RUBY
  }.each do |version, config|
    %w[development production].each do |environment|
      it "1.4: boots with the file that Rails #{version} generates, in #{environment}" do
        env = { "PORT" => "0", "RAILS_ENV" => environment, "RACK_ENV" => environment, "SOLID_QUEUE_IN_PUMA" => "true" }
        server = serve(hello, bind: nil, env:, args: ["-I", File.expand_path("../support/plugins", __dir__)], files: { "config/puma.rb" => config })
        expect(Http.get(server).body).to eq("hello")
        expect(server.stderr).to eq("")
        server.wait_for_stdout(/supervisor \d+ of #{server.pid} begins/) if config.include?("solid_queue")
      end
    end
  end
end
