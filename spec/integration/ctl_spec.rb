# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"
require_relative "../support/operator"

RSpec.describe "iodine-rs ctl" do
  hello = "run ->(_env) { [200, {}, ['hello']] }"
  watched = %w[--control-url tcp://127.0.0.1:0 --control-token s3cret -S state --pidfile pid]

  it "asks the control app that the state file names" do
    server = serve(hello, args: watched)
    output, status = ctl(server, "-S", "state", "stats")
    expect(status).to eq(0)
    expect(output.lines.first).to eq("Command stats sent success\n")
    expect(JSON.parse(output.lines.last)).to include("max_threads" => 5)
    expect(ctl(server, "--state", "state", "gc")).to eq(["Command gc sent success\n", 0])
    expect(ctl(server, "-S", "state", "-Q", "gc")).to eq(["", 0])
    expect(ctl(server, "-S", "state", "refork")).to eq(["Command error: { \"error\": \"refork not available\" }\n", 1])
    expect(ctl(server, "-S", "state", "thread-backtraces").first).to include('"backtrace":[')
    expect(ctl(server, "-S", "state", "status")).to eq(["iodine-rs is started\n", 0])
  end

  it "reads a state file with a path that the locale does not know" do
    server = serve(hello, args: ["--control-url", "unix://gr\u00F6\u00DFe.sock", "-S", "state"])
    expect(ctl(server, "-S", "state", "gc", env: { "LC_ALL" => "C" })).to eq(["Command gc sent success\n", 0])
  end

  it "asks by URL and token" do
    server = serve(hello, args: watched)
    url = "tcp://127.0.0.1:#{control(server)}"
    expect(ctl(server, "-C", url, "-T", "s3cret", "gc")).to eq(["Command gc sent success\n", 0])
    expect(ctl(server, "-C", url, "-T", "wrong", "gc")).to eq(["Unauthorized access to server (wrong auth token)\n", 1])
    expect(ctl(server, "-C", url, "gc").last).to eq(1)
  end

  it "asks by the configuration file, where nothing else is named" do
    config = 'activate_control_app "unix://control.sock", auth_token: "t"'
    server = serve(hello, files: { "config/puma.rb" => config, "other.rb" => "#{config}\nstate_path 'nowhere'" })
    expect(ctl(server, "gc")).to eq(["Command gc sent success\n", 0])
    expect(ctl(server, "-F", "config/puma.rb", "gc")).to eq(["Command gc sent success\n", 0])
    expect(ctl(server, "-F", "other.rb", "gc")).to eq(["State file not found: nowhere\n", 1])
    expect(ctl(server, "-F", "-", "gc")).to eq(["Neither pid nor control url available\n", 1])
  end

  it "sends signals by pid or pidfile" do
    server = serve(hello, args: %w[--pidfile pid])
    expect(ctl(server, "-P", "pid", "status")).to eq(["iodine-rs is started\n", 0])
    expect(ctl(server, "-p", server.pid, "stats")).to eq(["'stats' not available via pid only\n", 0])
    expect(ctl(server, "-p", server.pid, "info")).to eq(["Command info sent success\n", 0])
    server.wait_for_stdout(/^Thread: TID/)
    expect(ctl(server, "-p", server.pid, "restart")).to eq(["Command restart sent success\n", 0])
    server.wait_for_stdout(/Restarting.*Use Ctrl-C/m)
    expect(ctl(server, "-P", "pid", "stop")).to eq(["Command stop sent success\n", 0])
    server.wait_exit
    expect(ctl(server, "-p", server.pid, "status")).to eq(["iodine-rs is not running\n", 1])
    expect(ctl(server, "-p", server.pid, "stop")).to eq(["No pid '#{server.pid}' found\n", 1])
    expect(ctl(server, "-P", "pid", "stop").last).to eq(1)
  end

  it "stops and halts by the control app" do
    %w[stop halt].each do |command|
      server = serve(hello, args: watched)
      expect(ctl(server, "-S", "state", command)).to eq(["Command #{command} sent success\n", 0])
      expect(server.wait_exit.exitstatus).to eq(0)
      output, status = ctl(server, "-S", "state", "status")
      expect([output[/refused/], status]).to eq(["refused", 1])
    end
  end

  it "counts workers up and down, and restarts them" do
    server = cluster(hello, args: [*watched, "--set", "preload_app=false"])
    expect(ctl(server, "-S", "state", "worker-count-up")).to eq(["Command worker-count-up sent success\n", 0])
    await_workers(server, 3)
    expect(ctl(server, "-S", "state", "worker-count-down").last).to eq(0)
    eventually { children(server.pid).size == 2 }
    expect(ctl(server, "-S", "state", "phased-restart")).to eq(["Command phased-restart sent success\n", 0])
    server.wait_for_stdout(/Starting phased worker restart, phase: 1/)
    await_workers(server, 5)
  end

  it "starts a server" do
    server = serve(hello, files: { "config/puma.rb" => "state_path 'state'\npidfile 'pid'\nbind 'tcp://127.0.0.1:0'" })
    server.signal("INT")
    server.wait_exit
    reader, writer = IO.pipe
    pid = Process.spawn(OperatorMethods::ENVIRONMENT, *OperatorMethods::CTL, "start", chdir: server.dir, out: writer, err: writer)
    writer.close
    expect(eventually { reader.gets&.then { |line| line if line.include?("Use Ctrl-C") } }).to be_a(String)
    expect(ctl(server, "stop")).to eq(["Command stop sent success\n", 0])
    Process.wait(pid)
  end

  it "says what it takes" do
    server = serve(hello)
    output, status = ctl(server, "--help")
    expect(status).to eq(0)
    expect(output).to include("-S, --state PATH", "Commands: gc gc-stats halt", "worker-count-up")
    expect(ctl(server).then { |text, code| [text[/\AAvailable commands: gc, gc-stats/], code] }).to eq(["Available commands: gc, gc-stats", 1])
    expect(ctl(server, "dance")).to eq(["Invalid command: dance\n", 1])
    expect(ctl(server, "--what")).to eq(["invalid option: --what\n", 1])
    expect(ctl(server, "-V")).to eq(["#{IodineRs::VERSION}\n", 0])
  end

  # The file and the protocol are Puma's, so that its own tool works.
  pumactl = Gem::Specification.find_all_by_name("puma").first&.bin_file("pumactl")
  it "leaves a server that the real pumactl can command", skip: pumactl.nil? && "puma is not installed" do
    server = serve(hello, args: watched)
    run = ->(*args) { Open3.capture2e(RbConfig.ruby, "-e", "load ARGV.shift", pumactl, *args, chdir: server.dir) }
    output, = run.call("-S", "state", "stats")
    expect(JSON.parse(output.lines.last)).to include("running" => 0, "max_threads" => 5)
    expect(run.call("-S", "state", "stop").first).to eq("Command stop sent success\n")
    expect(server.wait_exit.exitstatus).to eq(0)
  end
end
