# frozen_string_literal: true

require "iodine_rs"
require "pathname"

RSpec.describe IodineRs::Options do
  def options(env: {}, **layer) = described_class.new(described_class.layer(layer), env:)

  def refusal(name, value) = described_class.layer(name => value)

  it "takes the first layer that has the name, then the default" do
    options = described_class.new({ max_threads: 3 }, { max_threads: 8, min_threads: 2 }, env: {})

    expect([options[:max_threads], options[:min_threads], options[:max_streams]]).to eq([3, 2, 1024])
  end

  it "keeps an explicit nil of a layer" do
    expect(options(max_keep_alive: nil)[:max_keep_alive]).to be_nil
  end

  it "refuses a name that is not in the table" do
    expect { options[:made_up] }.to raise_error(IodineRs::ConfigError, "unknown option made_up")
  end

  it "shows neither the control app's token nor the URL of a Redis, which may have a password" do
    report = options(control_token: "s3cret", redis: "redis://:s3cret@localhost").report(%w[typed])
    expect(report.scan(/^(\w+) +\(hidden\)/).flatten).to eq(%w[redis control_token])
    expect(report).not_to include("s3cret")
  end

  describe "defaults" do
    # Puma's, and the ones in the issue: a change here is a change of behaviour.
    {
      rackup: "config.ru", environment: "development", workers: 0, min_threads: 0, max_threads: 5, max_queue: 128,
      queue_timeout: 1,
      thread_idle_timeout: 30, max_streams: 1024, stream_wait_timeout: 5, stream_buffer_size: 262_144,
      first_data_timeout: 30, header_timeout: 60, persistent_timeout: 65, write_timeout: 10, min_body_rate: 500,
      force_shutdown_after: nil, shutdown_grace_time: 5, shutdown_debug: false, drain_on_shutdown: false, idle_timeout: nil,
      stream_shutdown_timeout: 8, transfer_shutdown_timeout: 20, worker_max_requests: nil, worker_max_rss: nil, worker_recycle_jitter: 20,
      linger_timeout: 2, max_keep_alive: 999, enable_keep_alives: true, http_content_length_limit: nil,
      max_path_size: 8192, max_uri_size: 12_288, max_query_size: 10_240, max_fragment_size: 1024,
      max_header_name_size: 256, max_header_value_size: 81_920, max_head_size: 114_688, max_header_count: 1000,
      max_method_size: 20, max_chunk_line_size: 4096, max_chunk_extensions_size: 16_384, body_memory_limit: 114_688,
      allow_underscore_headers: true, rack_url_scheme: nil, early_hints: false, script_name: "", silent: false,
      supported_http_methods: %w[HEAD GET POST PUT DELETE OPTIONS TRACE PATCH QUERY]
    }.each do |name, value|
      it("#{name} is #{value.inspect}") { expect(options[name]).to eq(value) }
    end

    it "max_queue follows max_threads" do
      expect(options(max_threads: 20)[:max_queue]).to eq(320)
    end

    it "max_connections leaves room below the limit of open files" do
      limit, = Process.getrlimit(:NOFILE)
      expect(options[:max_connections]).to be_between(1, [limit, 65_536].min)
    end

    it "binds listens on port 9292" do
      expect(options[:binds].map { |url| IodineRs::Bind.parse(url).port }).to eq([9292])
    end
  end

  describe "environment variables" do
    [
      [{ "RACK_ENV" => "staging" }, :environment, "staging"],
      [{ "RACK_ENV" => "staging", "APP_ENV" => "test" }, :environment, "test"],
      [{ "RAILS_ENV" => "production" }, :environment, "production"],
      [{ "RACK_ENV" => " ", "RAILS_ENV" => "production" }, :environment, "production"],
      [{ "MAX_THREADS" => "7" }, :max_threads, 7],
      [{ "MAX_THREADS" => "7", "PUMA_MAX_THREADS" => "9" }, :max_threads, 9],
      [{ "RAILS_MAX_THREADS" => "4", "THREADS" => "6" }, :max_threads, 4], [{ "THREADS" => "6" }, :max_threads, 6],
      [{ "WORKERS" => "2" }, :workers, 2], [{ "WORKERS" => "2", "WEB_CONCURRENCY" => "3" }, :workers, 3],
      [{ "MAX_THREADS" => "" }, :max_threads, 5],
      [{ "MIN_THREADS" => "2" }, :min_threads, 2],
      [{ "PUMA_MIN_THREADS" => "3" }, :min_threads, 3],
      [{ "SCRIPT_NAME" => "/shop" }, :script_name, "/shop"]
    ].each do |env, name, value|
      it("#{env} makes #{name} #{value}") { expect(options(env:)[name]).to eq(value) }
    end

    it "PORT is the default port" do
      expect(options(env: { "PORT" => "3000" })[:binds].first).to end_with(":3000")
    end

    it "a PORT that is none is refused" do
      expect { options(env: { "PORT" => "http" }) }
        .to raise_error(IodineRs::ConfigError, /\Aport: "http" is not accepted/)
    end

    it "one that is not accepted is named" do
      expect { options(env: { "MAX_THREADS" => "many" }) }
        .to raise_error(IodineRs::ConfigError, "max_threads: \"many\" is not accepted; it takes an integer from 1 to 10000 " \
                                               "(the default: `PUMA_MAX_THREADS`, `MAX_THREADS`, `RAILS_MAX_THREADS`, `THREADS` or 5)")
    end
  end

  describe "accepted values" do
    [
      [:max_threads, "5", 5], [:max_threads, 1, 1], [:min_threads, "08", 8], [:header_timeout, "2.5", 2.5],
      [:header_timeout, 3, 3], [:linger_timeout, 0, 0], [:early_hints, "on", true], [:early_hints, nil, false], [:early_hints, :false, false],
      [:max_keep_alive, "unlimited", nil], [:max_keep_alive, Float::INFINITY, nil], [:max_keep_alive, nil, nil],
      [:http_content_length_limit, "none", nil], [:http_content_length_limit, 0, 0],
      [:supported_http_methods, "GET,PROPFIND", %w[GET PROPFIND]], [:supported_http_methods, "any", nil],
      [:supported_http_methods, [:GET], %w[GET]], [:rack_url_scheme, "https", "https"], [:script_name, "", ""],
      [:pidfile, Pathname("tmp/x.pid"), "tmp/x.pid"], [:environment, :test, "test"]
    ].each do |name, value, converted|
      it("#{name} takes #{value.inspect}") { expect(described_class.layer(name => value)).to eq(name => converted) }
    end
  end

  describe "refused values" do
    [
      [:max_threads, 0], [:max_threads, "five"], [:max_threads, 2.7], [:max_threads, nil], [:header_timeout, 0],
      [:header_timeout, -1], [:header_timeout, Float::NAN], [:header_timeout, Float::INFINITY], [:header_timeout, "1s"],
      [:early_hints, "perhaps"], [:early_hints, ""], [:supported_http_methods, "get"], [:supported_http_methods, []],
      [:rack_url_scheme, "gopher"], [:script_name, "shop"], [:script_name, "/shop/"], [:tag, []],
      [:pidfile, "a\0b"], [:rackup, nil], [:app, "app"], [:binds, "gopher://x"], [:max_head_size, 0],
      [:max_head_size, 2**64], [:spool_dir, "/no/such/directory"]
    ].each do |name, value|
      it "#{name} does not take #{value.inspect}" do
        expect { refusal(name, value) }.to raise_error(IodineRs::ConfigError, /\A#{name}: .* is not accepted|\Abind: /)
      end
    end

    it "are answered with the option, the value and what is accepted" do
      expect { refusal(:max_head_size, "lots") }.to raise_error(
        IodineRs::ConfigError, 'max_head_size: "lots" is not accepted; it takes an integer of at least 1 (bytes)'
      )
    end

    it "the system's own directory is none: only large bodies need one" do
      allow(File).to receive(:writable?).and_return(false)
      allow(Dir).to receive(:tmpdir).and_raise(ArgumentError, "could not find a temporary directory")
      expect(options[:spool_dir]).to eq(Etc.systmpdir)
    end

    it "TMPDIR names another directory, where there is one" do
      allow(Dir).to receive(:tmpdir).and_return(__dir__)
      allow(ENV).to receive(:values_at).with("TMPDIR", "TMP", "TEMP").and_return(["/no/such/directory", __dir__, nil])
      expect(options[:spool_dir]).to eq(__dir__)
    end

    it "another directory is found as Ruby finds it, where the system's own is not fit" do
      allow(Dir).to receive(:tmpdir).and_return(__dir__)
      allow(File).to receive(:sticky?).and_return(false)
      expect(options[:spool_dir]).to eq(__dir__)
    end

    it "an unknown name is answered with the nearest known one" do
      expect { refusal(:max_thread, 1) }.to raise_error(
        IodineRs::ConfigError, "unknown option max_thread; did you mean max_threads?"
      )
    end

    it "a minimum of threads above the maximum" do
      expect { options(min_threads: 6) }
        .to raise_error(IodineRs::ConfigError, "threads: the minimum (6) is above the maximum (5)")
    end
  end

  describe "#to_native" do
    subject(:native) { options(environment: "production").to_native }

    it "is complete" do
      expect(native.keys).to contain_exactly(
        :min_threads, :max_threads, :thread_idle_timeout, :max_streams, :stream_wait_timeout, :max_queue,
        :queue_timeout, :time_slice,
        :max_connections, :first_data_timeout, :tls_handshake_timeout, :header_timeout, :persistent_timeout, :write_timeout, :min_body_rate,
        :linger_timeout, :drain_idle_timeout, :stream_shutdown_timeout, :transfer_shutdown_timeout, :drain_on_shutdown, :public, :public_max_age, :sendfile_roots, :max_keep_alive, :enable_keep_alives, :http_content_length_limit, :max_path_size,
        :max_uri_size, :max_query_size, :max_fragment_size, :max_header_name_size, :max_header_value_size,
        :max_head_size, :max_header_count, :max_method_size, :max_chunk_line_size, :max_chunk_extensions_size,
        :body_memory_limit, :spool_dir, :stream_buffer_size, :supported_http_methods, :allow_underscore_headers,
        :max_message_size, :max_outgoing, :max_publications, :ping_interval, :message_timeout, :close_timeout, :client_shutdown_timeout,
        :allowed_origins, :remote_address, :rack_url_scheme, :early_hints, :multiprocess, :software, :script_name, :rack_version, :development
      )
    end

    it "says who serves, and for which Rack" do
      expect(native).to include(software: "iodine-rs #{IodineRs::VERSION}", rack_version: Rack.release,
                                multiprocess: false, development: false)
    end
  end

  it "shows errors in development and test only" do
    shown = %w[development test staging production].select { |name| options(environment: name).development? }
    expect(shown).to eq(%w[development test])
  end
end
