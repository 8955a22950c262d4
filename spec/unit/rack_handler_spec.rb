# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::RackHandler, :folder do
  let(:handler) { Object.new.extend(described_class) }

  def settings(**options) = handler.settings(options)

  it "takes Host, Port and Threads" do
    options = settings(Host: "127.0.0.1", Port: "3000", Threads: "1:4")
    expect([options[:binds], options[:min_threads], options[:max_threads]]).to eq([["tcp://127.0.0.1:3000"], 1, 4])
  end

  [
    [{ Host: "::1", Port: 3000 }, "tcp://[::1]:3000"],
    [{ Host: "localhost" }, "tcp://localhost:9292"],
    [{ Port: 3000 }, IodineRs::Bind.port(3000)],
    [{ Host: "/run/a.sock", Port: 9292 }, "unix:///run/a.sock"],
    [{ Host: "./a.sock" }, "unix://./a.sock"],
    [{ Host: "unix:///run/a.sock?mode=0600" }, "unix:///run/a.sock?mode=0600"]
  ].each do |options, bind|
    it("#{options} listens on #{bind}") { expect(settings(**options)[:binds]).to eq([bind]) }
  end

  it "takes Verbose, Silent and environment" do
    options = settings(Verbose: true, Silent: true, environment: "staging")
    expect([options[:log_requests], options[:silent], options[:environment]]).to eq([true, true, "staging"])
  end

  it "takes the options of the table by their names" do
    options = settings(max_head_size: 1024, early_hints: nil)
    expect([options[:max_head_size], options[:early_hints]]).to eq([1024, false])
  end

  it "leaves options it does not know to others" do
    expect { settings(AccessLog: [], pid: nil, config: "config.ru", DoNotReverseLookup: true, daemonize: false) }
      .not_to raise_error
  end

  describe "beside a configuration file" do
    before do
      Dir.mkdir("config")
      File.write("config/iodine_rs.rb", "port 4000\nmax_threads 2")
    end

    def defaults = { Host: "127.0.0.1", Port: 9292, Threads: "0:4", environment: "development" }

    it "wins with everything, as long as nobody says what the user typed" do
      expect(settings(**defaults).then { |o| [o[:binds], o[:max_threads]] }).to eq([["tcp://127.0.0.1:9292"], 4])
    end

    it "gives way where the user typed nothing; the host is the default one then" do
      expect(settings(**defaults, user_supplied_options: []).then { |o| [o[:binds], o[:max_threads]] })
        .to eq([["tcp://127.0.0.1:4000"], 2])
    end

    it "wins where the user typed something" do
      expect(settings(**defaults, Port: 5000, user_supplied_options: [:Port])[:binds]).to eq(["tcp://127.0.0.1:5000"])
    end
  end

  it "describes its options" do
    expect(handler.valid_options.keys).to include("Host=HOST", "Port=PORT", "Threads=MIN:MAX", "Verbose")
  end
end
