# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::CLI, :folder do
  def options(*argv, env: {}) = described_class.new(argv, env:).options

  # What running it prints before it would start a server.
  def run(*argv) = described_class.new(argv, env: {}).run

  [
    [%w[-b tcp://127.0.0.1:80 -b unix:///run/a.sock], :binds, %w[tcp://127.0.0.1:80 unix:///run/a.sock]],
    [%w[--bind 127.0.0.1:80 -b /run/a.sock], :binds, %w[127.0.0.1:80 /run/a.sock]],
    [%w[-t 2:8], :min_threads, 2], [%w[-t 2:8], :max_threads, 8], [%w[--threads 3], :min_threads, 3],
    [%w[-t 3], :max_threads, 3], [%w[-w 0], :workers, 0], [%w[-maxms 100], :max_message_size, 102_400],
    [%w[-maxhd 64], :max_head_size, 65_536], [%w[--maxbd 50], :http_content_length_limit, 52_428_800],
    [%w[-ping 20], :ping_interval, 20], [%w[-tout 5], :persistent_timeout, 5], [%w[-log], :log_requests, true],
    [%w[-workers 2], :workers, 2], [%w[-threads 3], :max_threads, 3], [%w[-pid a.pid], :pidfile, "a.pid"],
    [%w[-warmup], :preload_app, true],
    [%w[-max-age 60], :public_max_age, 60], [%w[-www .], :public, "."], [%w[--workers 2], :workers, 2],
    [%w[-e staging], :environment, "staging"], [%w[-v], :log_requests, true], [%w[-v -q], :log_requests, false],
    [%w[--log-requests], :log_requests, true], [%w[-s], :silent, true], [%w[--early-hints], :early_hints, true],
    [%w[--pidfile a.pid], :pidfile, "a.pid"], [%w[--tag shop], :tag, "shop"], [%w[app.ru], :rackup, "app.ru"],
    [%w[-t 1 app.ru], :rackup, "app.ru"], [[], :rackup, "config.ru"],
    [%w[--set max_head_size=65536 --set header_timeout=2.5], :max_head_size, 65_536],
    [%w[--set max_head_size=65536 --set header_timeout=2.5], :header_timeout, 2.5],
    [%w[--set supported_http_methods=GET,HEAD], :supported_http_methods, %w[GET HEAD]],
    [%w[--set script_name=], :script_name, ""]
  ].each do |argv, name, value|
    it("#{argv.join(" ")} makes #{name} #{value.inspect}") { expect(options(*argv)[name]).to eq(value) }
  end

  it "-p listens on all interfaces" do
    expect(options("-p", "3000")[:binds]).to eq([IodineRs::Bind.port(3000)])
  end

  it "-I puts directories before all others, in order" do
    before = $LOAD_PATH.dup
    options("-I", "a:b", "-I", "c")
    expect($LOAD_PATH.first(3)).to eq(%w[a b c].map { |name| File.expand_path(name) })
  ensure
    $LOAD_PATH.replace(before)
  end

  it "--dir comes before everything else: the configuration is looked for there" do
    FileUtils.mkdir_p("app/config")
    File.write("app/config/iodine_rs.rb", "max_threads 3")
    expect(options("--dir", "app")[:max_threads]).to eq(3)
    expect(File.basename(Dir.pwd)).to eq("app")
  end

  describe "which value wins" do
    before do
      Dir.mkdir("config")
      File.write("config/iodine_rs.rb", "max_threads 3\nmin_threads 1\nport 1000, 'localhost'")
      File.write("other.rb", "max_threads 4")
      File.write("more.rb", "min_threads 2")
    end

    it "is the command line's" do
      expect(options("-t", "2:7", "-b", "localhost:2000").then { |o| [o[:max_threads], o[:binds]] })
        .to eq([7, ["localhost:2000"]])
    end

    it "then the file's" do
      expect(options(env: { "MAX_THREADS" => "9" }).then { |o| [o[:max_threads], o[:binds]] })
        .to eq([3, ["tcp://localhost:1000"]])
    end

    it "then the default: -C names other files, all of them" do
      expect(options("-C", "other.rb", "-C", "more.rb").then { |o| [o[:min_threads], o[:max_threads]] }).to eq([2, 4])
    end

    it "is not the file's when there is to be none" do
      expect([options("-C", "-"), options("--no-config")].map { |o| o[:max_threads] }).to eq([5, 5])
    end
  end

  describe "mistakes" do
    {
      %w[--nope] => "ERROR: invalid option: --nope; `iodine-rs --help` lists the options\n",
      %w[-b] => "ERROR: missing argument: -b; `iodine-rs --help` lists the options\n",
      %w[-t many] => "ERROR: min_threads: \"many\" is not accepted; it takes an integer from 0 to 10000\n",
      %w[-t 5:1] => "ERROR: threads: the minimum (5) is above the maximum (1)\n",
      %w[-w many] => "ERROR: workers: \"many\" is not accepted; it takes an integer from 0 to 1024, or auto\n",
      %w[-p http] => "ERROR: port: \"http\" is not accepted; it takes an integer from 0 to 65535\n",
      %w[a.ru b.ru] => "ERROR: one rackup file is enough: b.ru is too much\n",
      %w[--set max_hed_size=1] => "ERROR: unknown option max_hed_size; did you mean max_head_size?\n",
      %w[--set max_head_size] => "ERROR: --set max_head_size: it takes NAME=VALUE\n",
      %w[--set binds=:80] => "ERROR: --set binds: use --bind or a configuration file\n",
      %w[--dir nowhere] => /\AERROR: No such file or directory .*nowhere\n\z/,
      %w[-C nowhere.rb] => /\AERROR: cannot read the configuration: No such file or directory .*nowhere\.rb\n\z/
    }.each do |argv, message|
      it "#{argv.join(" ")} is one message and a 1" do
        expect { expect(run(*argv)).to eq(1) }.to output(message).to_stderr
      end
    end
  end

  it "-V prints the version" do
    expect { expect(run("-V")).to eq(0) }.to output("iodine-rs version #{IodineRs::VERSION}\n").to_stdout
  end

  it "-h prints every option" do
    names = IodineRs::Options::TABLE.select(&:text?).map(&:name)
    expect { expect(run("-h")).to eq(0) }
      .to output(a_string_including("Usage: iodine-rs", "--bind", *names.map { |name| "\n  #{name} " })).to_stdout
  end
end
