# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"

# The rows of the command line, with real processes. What each option becomes stands in spec/unit/cli_spec.rb.
RSpec.describe "Puma's command line" do
  hello = 'run ->(env) { [200, {}, ["hello from #{ENV["RACK_ENV"]}"]] }'

  def ended(server) = [server.wait_exit.exitstatus, server.stdout]

  it "C-01: -b adds an address each time, and they replace those of the file" do
    server = serve(hello, args: %w[--bind unix://s], files: { "config/puma.rb" => "bind 'tcp://127.0.0.2:0'\nport 0" })
    expect(server.stdout.scan(/Listening on (\S+)/).flatten).to match([%r{\Ahttp://127.0.0.1:\d+\z}, "unix://s"])
  end

  it "C-02: --bind-to-activated-sockets takes `only`" do
    server = serve(hello, wait: false, args: %w[--check --bind-to-activated-sockets only])
    expect(ended(server)).to match([0, /^bind_to_activated_sockets +"only" +command-line$/])
  end

  it "C-03: -C names the file, again and again, and the usual one is not read" do
    server = serve(hello, args: %w[-C a.rb --config b.rb], files: { "a.rb" => "threads 1, 2\nputs 'a'", "b.rb" => "threads 3\nputs 'b'", "config/puma.rb" => "raise" })
    expect(server.stdout).to match(/a\nb\n.*Max threads: 3$/m)
  end

  { "C-03" => %w[-C -], "C-04" => %w[--no-config] }.each do |row, args|
    it("#{row}: #{args.join(" ")} reads no file") { serve(hello, args:, files: { "config/puma.rb" => "raise 'read'" }) }
  end

  { "C-07" => %w[--debug], "C-10" => %w[-f], "C-10 (long)" => %w[--fork-worker=500], "C-17" => %w[--prune-bundler],
    "C-18" => %w[--extra-runtime-dependencies json,rack], "C-19" => %w[-q], "C-22" => %w[--early-hints --quiet] }.each do |row, args|
    it("#{row}: #{args.join(" ")} is accepted") { expect(Http.get(serve(hello, args:)).body).to start_with("hello") }
  end

  it "C-17, D-41, D-43: --prune-bundler leaves the app to the workers, so that a phased restart loads it anew" do
    server = cluster(hello, args: %w[--prune-bundler])
    expect(server.stdout).not_to include("Preloading")
    File.write("#{server.dir}/config.ru", "run ->(env) { [200, {}, ['new']] }")
    server.signal("USR1")
    server.wait_for_stdout(/Starting phased worker restart, phase: 1/)
    await_workers(server, 4)
    expect(Http.get(server).body).to eq("new")
  end

  it "D-41, D-43: preload_app! wins over prune_bundler" do
    server = cluster(hello, args: %w[--prune-bundler], files: { "config/puma.rb" => "preload_app!" })
    expect(server.stdout).to include("* Preloading application\n")
  end

  it "C-08: --dir is where everything is looked for" do
    server = serve("raise", args: %w[--dir app], files: { "app/config.ru" => hello, "app/config/puma.rb" => "tag 'inner'" })
    expect(Http.get(server).body).to start_with("hello")
    expect(title(server.pid)).to end_with("[inner]")
  end

  it "C-09, V-04: -e beats APP_ENV, RACK_ENV and RAILS_ENV, and sets RACK_ENV" do
    server = serve(hello, args: %w[-e staging], env: { "APP_ENV" => "a", "RACK_ENV" => "b", "RAILS_ENV" => "c" })
    expect(Http.get(server).body).to eq("hello from staging")
  end

  it "C-11: -I puts directories before the load path, also for the file" do
    server = serve(hello, args: %w[-I lib:more], files: { "more/words.rb" => "W = 7", "config/puma.rb" => "require 'words'\nthreads W" })
    expect(server.stdout).to include("Max threads: 7\n")
  end

  it "C-13: -p listens on all interfaces" do
    server = serve(hello, bind: nil, args: %w[-p 0])
    expect(server.stdout).to match(/Listening on http:\/\/(\[::\]|0\.0\.0\.0):\d+/)
    expect(Http.get(server).body).to start_with("hello")
  end

  it "C-14, C-23: --pidfile and -S write their files" do
    server = serve(hello, args: %w[--pidfile p -S s])
    expect(File.read("#{server.dir}/p").to_i).to eq(server.pid)
    expect(File.read("#{server.dir}/s")).to include("pid: #{server.pid}\n")
  end

  it "C-16, C-27: -w forks workers, --preload loads the app once" do
    server = cluster("puts 'loaded'\n#{hello}", workers: 1, args: %w[--preload])
    expect(server.stdout).to match(/loaded.*Listening.*booted/m)
  end

  it "C-20: -v prints a line for each request" do
    server = serve(hello, args: %w[-v])
    Http.get(server, "/seen")
    server.wait_for_stdout(%r{"GET /seen HTTP/1.1" 200})
  end

  it "C-21: -R is the command of a hot restart" do
    server = serve(hello, args: ["-R", "echo restarted by command"])
    server.signal("USR2")
    server.wait_exit
    expect(server.stdout).to end_with("restarted by command\n")
  end

  it "C-22: -s prints errors only" do
    server = serve(hello, wait: false, args: %w[-s -b unix://s])
    eventually { File.socket?("#{server.dir}/s") }
    expect(server.stdout).to eq("")
  end

  { "5" => [5, 5], "2:6" => [2, 6] }.each do |text, (min, max)|
    it "C-24: -t #{text}" do
      expect(serve(hello, args: ["-t", text]).stdout).to match(/Min threads: #{min}\n.*Max threads: #{max}\n/)
    end
  end

  it "C-25: --early-hints is there" do
    server = serve('run ->(env) { [200, {}, [env.key?("rack.early_hints").to_s]] }', args: %w[--early-hints])
    expect(Http.get(server).body).to eq("true")
  end

  it "C-26: -V prints the version and ends with 0" do
    expect(ended(serve(hello, wait: false, args: %w[-V]))).to eq([0, "iodine-rs version #{IodineRs::VERSION}\n"])
  end

  it "C-28: --tag stands in the title" do
    expect(title(serve(hello, args: %w[--tag shop]).pid)).to end_with("[shop]")
  end

  it "C-28, D-34: without a text there is no tag" do
    server = cluster(hello, args: ["--tag", ""])
    expect([server.pid, booted(server).first].map { |pid| title(pid) })
      .to match([/\Aiodine-rs \S+ \(\S+\)\z/, "iodine-rs: cluster worker #{server.stdout[/Worker (\d)/, 1]}: #{server.pid}"])
  end

  it "C-15, RR-13: --plugin for which there is no file is one message, also where a Puma is installed" do
    server = serve(hello, wait: false, args: %w[--plugin nowhere])
    expect([server.wait_exit.exitstatus, server.stderr])
      .to match([1, %r{\AERROR: plugin nowhere: there is no puma/plugin/nowhere.rb in the load path; [^\n]*\n\z}])
  end

  it "C-29: --redirect-stdout, --redirect-stderr and --redirect-append" do
    server = serve(hello, wait: false, args: %w[--redirect-stdout o --redirect-stderr e --redirect-append], files: { "o" => "before\n" })
    eventually { File.exist?("#{server.dir}/e") && File.read("#{server.dir}/e").include?("startup") }
    expect(File.read("#{server.dir}/o")).to start_with("before\n=== puma startup: ")
    expect(File.read("#{server.dir}/e")).to start_with("=== puma startup: ")
  end

  it "C-30: -h prints the options and ends with 0" do
    expect(ended(serve(hello, wait: false, args: %w[-h]))).to match([0, /Usage: iodine-rs \[options\]/])
  end

  it "C-31: the rackup file beats the one of the file" do
    server = serve("raise", rackup: "other.ru", files: { "config.ru" => "raise", "config/puma.rb" => "rackup 'third.ru'" }, wait: false, bind: nil,
                   args: %w[-b tcp://127.0.0.1:0])
    expect([server.wait_exit.exitstatus, server.stderr]).to match([1, /other\.ru does not exist/])
  end

  it "abbreviates long names, as Puma does" do
    expect(serve(hello, args: %w[--thr 3]).stdout).to include("Max threads: 3\n")
  end
end
