# frozen_string_literal: true

require "iodine_rs"

# Every word of Puma's configuration files, by its row in the catalogue: what it makes of our options. What it does to a
# running server stands in behaviour_spec.rb, and in the specs of its own subject.
RSpec.describe "Puma's words" do
  def written(source) = {}.tap { |layer| IodineRs::DSL.new(layer).instance_eval(source) }

  {
    "D-01" => { "port 3000" => { binds: [IodineRs::Bind.port(3000)] }, "port '3000', '::1'" => { binds: ["tcp://[::1]:3000"] } },
    "D-02" => { "bind 'tcp://127.0.0.1:1'\nbind 'unix:///run/a.sock?umask=0117'" => { binds: %w[tcp://127.0.0.1:1 unix:///run/a.sock?umask=0117] } },
    "D-04" => { "port 1\nclear_binds!\nport 2, 'a'" => { binds: %w[tcp://a:2] } },
    "D-05" => { "bind_to_activated_sockets" => { bind_to_activated_sockets: true }, "bind_to_activated_sockets 'only'" => { bind_to_activated_sockets: "only" } },
    "D-06" => { "set_default_host 'localhost'\nport 3000\ntag default_host" => { binds: %w[tcp://localhost:3000], tag: "localhost" } },
    "D-07" => { "first_data_timeout 10" => { first_data_timeout: 10 } },
    "D-08" => { "persistent_timeout '20'" => { persistent_timeout: 20 } },
    "D-10" => { "max_keep_alive 10" => { max_keep_alive: 10 }, "max_keep_alive Float::INFINITY" => { max_keep_alive: nil } },
    "D-11" => { "max_fast_inline 10" => { max_keep_alive: 10 } },
    "D-12" => { "enable_keep_alives false" => { enable_keep_alives: false } },
    "D-13" => { "queue_requests false" => { enable_keep_alives: false }, "queue_requests" => {} },
    "D-14" => { "set_remote_address :socket" => { remote_address: "socket" }, "set_remote_address :localhost" => { remote_address: "127.0.0.1" },
                "set_remote_address '10.0.0.1'" => { remote_address: "10.0.0.1" }, "set_remote_address header: 'X-Real-IP'" => { remote_address: "header:x-real-ip" } },
    "D-15" => { "early_hints" => { early_hints: true }, "early_hints nil" => { early_hints: false } },
    "D-16" => { "rack_url_scheme 'https'" => { rack_url_scheme: "https" } },
    "D-17" => { "http_content_length_limit 1_000" => { http_content_length_limit: 1000 } },
    "D-18" => { "supported_http_methods %w[GET REPORT]" => { supported_http_methods: %w[GET REPORT] }, "supported_http_methods :any" => { supported_http_methods: nil } },
    "D-19" => { "allow_underscore_headers false" => { allow_underscore_headers: false } },
    "D-20" => { "threads 1, '5'" => { min_threads: 1, max_threads: 5 }, "threads '3'" => { min_threads: 3, max_threads: 3 } },
    "D-22" => { "fiber_per_request" => { fiber_per_request: true }, "clean_thread_locals" => { fiber_per_request: true } },
    "D-26" => { "raise_exception_on_sigterm false" => { raise_exception_on_sigterm: false } },
    "D-30" => { "environment 'staging'" => { environment: "staging" }, "environment ENV['NO_SUCH_VARIABLE']" => {} },
    "D-31" => { "pidfile 'a.pid'" => { pidfile: "a.pid" } },
    "D-32" => { "state_path 's'\nstate_permission 0o640" => { state_path: "s", state_permission: 0o640 } },
    "D-33" => { "stdout_redirect 'o', 'e', true" => { redirect_stdout: "o", redirect_stderr: "e", redirect_append: true },
                "stdout_redirect nil, 'e'" => { redirect_stdout: nil, redirect_stderr: "e", redirect_append: false } },
    "D-34" => { "tag 'shop'" => { tag: "shop" }, "tag ''" => { tag: nil }, "tag nil" => { tag: nil } },
    "D-35" => { "directory '/srv'" => { directory: "/srv" } },
    "D-36" => { "rackup DefaultRackup\nrackup 'later.ru'" => { rackup: "config.ru" }, "rackup 'my.ru' if defined?(DefaultRackup)" => { rackup: "my.ru" } },
    "D-38" => { "load 'more.rb'" => { more_files: %w[more.rb] } },
    "D-39" => { "restart_command 'bin/up'" => { restart_command: "bin/up" } },
    "D-40" => { "workers 2" => { workers: 2 }, "workers '3'" => { workers: 3 }, "workers nil" => { workers: 0 }, "workers :auto" => { workers: IodineRs::Processors.available },
                "workers 'auto'" => { workers: IodineRs::Processors.available } },
    "D-41" => { "preload_app!" => { preload_app: true }, "preload_app! false" => { preload_app: false } },
    "D-45" => { "worker_timeout 3600" => { worker_timeout: 3600 } },
    "D-46" => { "worker_boot_timeout 90" => { worker_boot_timeout: 90 } },
    "D-47" => { "worker_shutdown_timeout 8" => { worker_shutdown_timeout: 8 }, "worker_shutdown_timeout 0" => { worker_shutdown_timeout: 0 } },
    "D-48" => { "worker_check_interval 0.5" => { worker_check_interval: 0.5 } },
    "D-50" => { "wait_for_less_busy_worker\nwait_for_less_busy_worker 0.001" => {} },
    "D-51" => { "silence_single_worker_warning" => { silence_single_worker_warning: true }, "silence_fork_callback_warning" => { silence_fork_callback_warning: true } },
    "D-53" => { "quiet" => { log_requests: false }, "quiet false" => { log_requests: true }, "log_requests" => { log_requests: true }, "log_requests false" => { log_requests: false } },
    "D-56" => { "debug" => {} },
    "D-57" => { "mutate_stdout_and_stderr_to_sync_on_write false" => { mutate_stdout_and_stderr_to_sync_on_write: false } },
    "D-62" => { "workers 2\ntag get(:workers).to_s + get(:nothing, 'x')" => { workers: 2, tag: "2x" } },
    "D-63" => { "inject { threads 2 }" => { min_threads: 2, max_threads: 2 } }
  }.each do |row, cases|
    cases.each { |source, options| it("#{row}: #{source.inspect}") { expect(written(source)).to eq(options) } }
  end

  # An object or a block that is kept as it is.
  { "D-37" => { "app ->(env) { }" => :app, "app { |env| }" => :app }, "D-54" => { "log_formatter { |line| line }" => :log_formatter },
    "D-55" => { "custom_logger $stderr" => :custom_logger },
    "D-58" => { "lowlevel_error_handler { |error| }" => :lowlevel_error_handler, "lowlevel_error_handler ->(e, env) {}" => :lowlevel_error_handler } }.each do |row, cases|
    cases.each { |source, name| it("#{row}: #{source}") { expect(written(source).fetch(name)).to respond_to(:call).or respond_to(:write) } }
  end

  # No error, and a line that says what happens instead.
  { "D-21" => "max_io_threads 5", "D-42" => "fork_worker", "D-44" => "extra_runtime_dependencies %w[a]",
    "D-49" => "worker_culling_strategy :oldest", "D-59" => "io_selector_backend :select", "D-76" => "before_refork(:key) { }",
    "D-76 (old)" => "on_refork { }", "D-76 (after)" => "after_refork { }", "D-66" => "nakayoshi_fork",
    "D-66 (tcp_mode)" => "tcp_mode", "D-66 (tcp_mode!)" => "tcp_mode!" }.each do |row, source|
    it "#{row}: #{source} says what happens instead" do
      expect(written(source)).to match(notes: [/\A#{source[/\w+!?/]}: \w+/])
    end
  end

  it "D-43: prune_bundler says that gems stay" do
    expect(written("prune_bundler")).to match(prune_bundler: true, notes: [/\Aprune_bundler: .*new gems/])
  end

  it "D-43, D-49: are silent where they ask for what is so already" do
    expect(written("prune_bundler false\nworker_culling_strategy :youngest")).to eq(prune_bundler: false)
  end

  it "D-14: set_remote_address takes no other Symbol" do
    expect { written("set_remote_address :header") }.to raise_error(IodineRs::ConfigError, /set_remote_address: :header is not accepted; it takes/)
  end

  { "D-20" => ["threads 1.5, 3.0", { min_threads: 1, max_threads: 3 }], "D-40" => ["workers 1.5", { workers: 1 }] }.each do |row, (source, options)|
    it("#{row}: #{source} counts the whole ones, as Integer() does") { expect(written(source)).to eq(options) }
  end

  it "D-20: threads is no number that is none" do
    expect { written("threads Float::NAN") }.to raise_error(IodineRs::ConfigError, /min_threads: NaN is not accepted/)
  end

  { "daemonize" => /systemd/, "worker_directory '/srv'" => /directory/ }.each do |source, advice|
    it "D-66: #{source} is refused with advice" do
      expect { written(source) }.to raise_error(IodineRs::ConfigError, advice)
    end
  end

  %w[before_fork before_worker_fork on_worker_fork after_worker_fork after_worker_boot before_worker_boot on_worker_boot before_worker_shutdown
     on_worker_shutdown after_worker_shutdown after_booted on_booted after_stopped on_stopped before_restart on_restart
     before_thread_start on_thread_start before_thread_exit on_thread_exit].each do |word|
    it("D-70 to D-81: #{word} takes a block") do
      expect(written("#{word} { }").keys).to eq([:hooks])
      expect { written(word) }.to raise_error(ArgumentError, /takes a block/)
    end
  end

  it "D-52, P-05: keeps blocks for one mode" do
    expect(written("single { threads 1 }\ncluster { threads 2 }")[:modes].map(&:first)).to eq(%i[single cluster])
  end

  # All names that a file of Puma may call, the table's columns in one list.
  names = %i[
    port bind ssl_bind clear_binds! bind_to_activated_sockets set_default_host default_host first_data_timeout persistent_timeout idle_timeout
    max_keep_alive max_fast_inline enable_keep_alives queue_requests set_remote_address early_hints rack_url_scheme http_content_length_limit
    supported_http_methods allow_underscore_headers threads max_io_threads fiber_per_request clean_thread_locals workers preload_app! fork_worker
    prune_bundler extra_runtime_dependencies worker_timeout worker_boot_timeout worker_shutdown_timeout worker_check_interval
    worker_culling_strategy wait_for_less_busy_worker silence_single_worker_warning silence_fork_callback_warning single cluster
    force_shutdown_after drain_on_shutdown shutdown_debug raise_exception_on_sigterm environment pidfile state_path state_permission
    stdout_redirect tag directory rackup app load restart_command quiet log_requests log_formatter custom_logger debug
    mutate_stdout_and_stderr_to_sync_on_write lowlevel_error_handler io_selector_backend before_fork before_worker_fork on_worker_fork
    after_worker_fork after_worker_boot before_worker_boot on_worker_boot before_worker_shutdown on_worker_shutdown after_worker_shutdown
    before_refork on_refork after_refork after_booted on_booted after_stopped on_stopped before_restart on_restart before_thread_start
    on_thread_start before_thread_exit on_thread_exit out_of_band plugin activate_control_app get inject
  ]

  it("knows all of them: #{names.size}") do
    expect(names.reject { |name| IodineRs::DSL.public_method_defined?(name) }).to eq([])
    expect(names.uniq.size).to eq(90)
  end
end
