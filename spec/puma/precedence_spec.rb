# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"
require_relative "../support/releases"

RSpec.describe "Where a setting comes from" do
  hello = "run ->(_env) { [200, {}, ['hello']] }"

  # The values and origins that --check prints, by name.
  define_method(:checked) do |config, args: [], env: {}, files: {}|
    server = ServerProcess.start(wait: false, bind: nil, args: ["--check", *args], env:, files: { "config/puma.rb" => config, **files })
    expect([server.wait_exit.exitstatus, server.stderr]).to eq([0, ""])
    server.stdout.lines.to_h { |line| line.match(/\A(\S+) +(.*?) +(\S+)$/).captures.then { |name, *rest| [name.to_sym, rest] } }
  ensure
    server&.stop
  end

  it "P-01: the command line hides the file, the file the defaults and their variables" do
    found = checked("threads 2, 3\nworkers 1", args: %w[-t 4:5], env: { "WEB_CONCURRENCY" => "8", "PUMA_PERSISTENT_TIMEOUT" => "9" })
    expect(found.slice(:min_threads, :max_threads, :workers, :persistent_timeout, :first_data_timeout).values)
      .to eq([%w[4 command-line], %w[5 command-line], %w[1 file], %w[9 default], %w[30 default]])
  end

  it "refuses what the start would: a certificate that is not there, or is none" do
    [["gone.pem", /gone.pem/], ["config.ru", /certificate/]].each do |cert, message|
      config = "bind 'ssl://127.0.0.1:0?cert=#{cert}&key=config.ru'"
      server = ServerProcess.start(app: hello, wait: false, bind: nil, args: ["--check", "-e", "production"], files: { "config/puma.rb" => config })
      expect([server.wait_exit.exitstatus, server.stdout]).to eq([1, ""])
      expect(server.stderr).to match(/\AERROR: .*#{message}/)
    ensure
      server&.stop
    end
  end

  it "P-01: lists are not merged" do
    expect(checked("bind 'tcp://127.0.0.1:1'", args: %w[-b tcp://127.0.0.1:2])[:binds]).to eq(['["tcp://127.0.0.1:2"]', "command-line"])
  end

  it "P-01: hooks are, in the order of the layers" do
    user, file = Array.new(2) { IodineRs::Hooks.new }
    calls = []
    user.add(:after_booted, -> { calls << :user })
    file.add(:after_booted, -> { calls << :file })
    IodineRs::Options.new({ hooks: user }, { hooks: file })[:hooks].run(:after_booted, nil)
    expect(calls).to eq(%i[user file])
  end

  it "P-02: the file of the environment comes before the one for all" do
    files = { "config/puma/staging.rb" => "tag 'staging'" }
    expect(checked("tag 'all'", args: %w[-e staging], files:)[:tag]).to eq(%w["staging" file])
    expect(checked("tag 'all'", args: %w[-e production], files:)[:tag]).to eq(%w["all" file])
  end

  { { "APP_ENV" => "a", "RACK_ENV" => "b", "RAILS_ENV" => "c" } => "a", { "APP_ENV" => nil, "RACK_ENV" => "b", "RAILS_ENV" => "c" } => "b",
    { "APP_ENV" => nil, "RACK_ENV" => nil, "RAILS_ENV" => "c" } => "c", { "RACK_ENV" => nil } => "development" }.each do |env, name|
    it "P-03, V-04: #{env} makes the environment #{name}" do
      expect(checked("", env:)[:environment].first).to eq(name.inspect)
    end
  end

  it "P-03: RACK_ENV is what the file says, once it has been read" do
    server = serve('run ->(_env) { [200, {}, [ENV["RACK_ENV"]]] }', files: { "config/puma.rb" => "environment 'staging'" })
    expect(Http.get(server).body).to eq("staging")
  end

  it "P-04: the first rackup counts, the last number of threads, and addresses add up" do
    found = checked("rackup 'a.ru'\nrackup 'b.ru'\nthreads 1\nthreads 2\nport 1, 'x'\nport 2, 'y'")
    expect(found.slice(:rackup, :max_threads, :binds).values.map(&:first)).to eq(['"a.ru"', "2", '["tcp://x:1", "tcp://y:2"]'])
  end

  it "P-05: `single` and `cluster` run behind all files, for the mode that it is then" do
    config = "single { tag 'one' }\ncluster { tag 'many' }\ntag 'none'\nload 'more.rb'"
    expect(checked(config, files: { "more.rb" => "workers 2" })[:tag].first).to eq('"many"')
    expect(checked(config, files: { "more.rb" => "" })[:tag].first).to eq('"one"')
  end

  it "P-05: such a block must not change the mode" do
    server = serve(hello, wait: false, files: { "config/puma.rb" => "single { workers 2 }" })
    expect([server.wait_exit.exitstatus, server.stderr]).to match([1, /workers: a block of `single` or `cluster` must not change it/])
  end

  it "P-06: a hot restart reads the file anew" do
    server = serve(hello, files: { "config/puma.rb" => "tag 'before'" })
    File.write("#{server.dir}/config/puma.rb", "tag 'after'")
    server.signal("USR2")
    eventually { title(server.pid).end_with?("[after]") }
  end

  it "P-06: a phased restart does not" do
    server = cluster(hello, files: { "config/puma.rb" => "puts 'read'\npreload_app! false" })
    server.signal("USR1")
    eventually(limit: 20) { booted(server).size == 4 }
    expect(server.stdout.scan(/^read$/).size).to eq(1)
  end

  it "P-07: all interfaces are those of IPv4 where there is no IPv6" do
    allow(Socket).to receive(:ip_address_list).and_return([Addrinfo.ip("127.0.0.1"), Addrinfo.ip("::1")])
    binder = IodineRs::Binder.new
    expect(binder.bind("tcp://[::]:0").first.url).to start_with("tcp://0.0.0.0:")
  ensure
    binder&.close
  end

  {
    "V-01" => [{ "WEB_CONCURRENCY" => "3" }, :workers, "3"], "V-01 (blank)" => [{ "WEB_CONCURRENCY" => " " }, :workers, "0"],
    "V-01 (auto)" => [{ "WEB_CONCURRENCY" => "auto" }, :workers, IodineRs::Processors.available.to_s],
    "V-02" => [{ "PUMA_MAX_THREADS" => "7", "MAX_THREADS" => "8" }, :max_threads, "7"], "V-02 (short)" => [{ "MIN_THREADS" => "2" }, :min_threads, "2"],
    "V-02 (blank)" => [{ "MAX_THREADS" => "" }, :max_threads, "5"], "V-03" => [{ "PUMA_PERSISTENT_TIMEOUT" => "12" }, :persistent_timeout, "12"],
    "V-11" => [{ "PUMA_FIBER_PER_REQUEST" => "1" }, :fiber_per_request, "true"], "V-13" => [{ "SCRIPT_NAME" => "/shop" }, :script_name, '"/shop"']
  }.each do |row, (env, name, value)|
    it("#{row}: #{env} makes #{name} #{value}") { expect(checked("", env:)[name]).to eq([value, "default"]) }
  end

  it "V-05, V-15: a hot restart goes to where a symbolic link of the shell points by then" do
    Releases.open do |releases|
      server = serve("raise", args: ["--dir", releases.current], env: { "PWD" => releases.current })
      expect(Http.get(server).body).to eq("one")
      releases.unlink
      releases.point_to("two")
      server.signal("USR2")
      server.wait_for_stdout(/Restarting.*Use Ctrl-C/m)
      expect(Http.get(server).body).to eq("two")
    end
  end

  it "V-08: PUMA_SKIP_SIGUSR2 leaves USR2 to the app" do
    server = serve("trap(:USR2) { $stdout.write('app') }\n#{hello}", env: { "PUMA_SKIP_SIGUSR2" => "1" })
    server.signal("USR2")
    server.wait_for_stdout(/app/)
    expect(server.stdout).not_to include("Restarting")
  end

  it "V-10: PUMA_LOG_CONFIG prints every setting at boot" do
    expect(serve(hello, env: { "PUMA_LOG_CONFIG" => "1" }, args: %w[-t 2]).stdout).to match(/^max_threads +2 +typed$/)
  end
end
