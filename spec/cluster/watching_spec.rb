# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "The master" do
  who = "run ->(_env) { [200, {}, [Process.pid.to_s]] }"

  it "row 264: W-05: replaces a worker that was killed, under its number" do
    server = cluster(who)
    victim = booted(server).first
    Process.kill("KILL", victim)
    await_workers(server, 3)
    index = server.stderr[/worker (\d) \(PID: #{victim}\) ended unexpectedly: pid #{victim} SIGKILL/, 1]
    expect(server.stdout.scan(/- Worker (\d)/).flatten.last).to eq(index)
    expect(Http.get(server).status).to eq(200)
  end

  it "W-05: replaces a worker that somebody else asked to end" do
    server = cluster(who)
    Process.kill("TERM", booted(server).last)
    expect(await_workers(server, 3).uniq.size).to eq(3)
  end

  it "W-03: kills a worker that is stopped" do
    server = cluster(who, args: %w[--set worker_check_interval=0.2 --set worker_timeout=1])
    victim = booted(server).first
    Process.kill("STOP", victim)
    await_workers(server, 3)
    expect(server.stdout)
      .to match(/! Terminating timed out worker \(Worker \d failed to check in within 1 seconds\): #{victim}\n/)
  end

  it "W-03: kills a worker whose lock C keeps" do
    held = <<~'RUBY'
      require "fiddle"
      SLEEP = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
      run ->(env) { env["PATH_INFO"] == "/hold" && SLEEP.call(60); [200, {}, [Process.pid.to_s]] }
    RUBY
    server = cluster(held, args: %w[--set worker_check_interval=0.2 --set worker_timeout=1])
    server.connect.write("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n")
    await_workers(server, 3)
    expect(server.stdout).to match(/! Terminating timed out worker \(Worker \d failed to check in within 1 seconds\)/)
  end

  it "is no limit for a request" do
    server = cluster("run ->(_env) { sleep 1.5; [200, {}, ['slow']] }",
                     args: %w[--set worker_check_interval=0.2 --set worker_timeout=1])
    expect(Http.get(server).body).to eq("slow")
  end

  it "F7: D-46: kills a worker that does not boot" do
    server = serve("sleep 60 if Process.pid != #{Process.pid}\n#{who}", wait: false,
                   args: %w[-w 1 --set worker_boot_timeout=0.5])
    server.wait_for_stdout(/! Terminating timed out worker \(Worker 0 failed to boot within 0.5 seconds\)/)
  end

  it "waits longer and longer before it forks a worker that cannot boot again" do
    server = serve("raise 'no database'", args: %w[-w 1], wait: false)
    server.wait_for_stderr(/the next worker is forked in 1.0 s/)
    expect(server.stderr).to match(/worker 0 cannot boot: .*RuntimeError: no database/)
    expect(server.stderr).to match(/the next worker is forked in 0.5 s/)
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
  end

  it "X-04: does not begin with an app that cannot be preloaded" do
    server = serve("raise 'no database'", args: %w[-w 2], wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(/ERROR: .*RuntimeError: no database/)
  end

  no_process = "def Process._fork = raise(Errno::EAGAIN)\n"

  it "X-06: ends with status 1 where the system has no process for the first worker" do
    server = serve("#{no_process}#{who}", args: %w[-w 2], wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(/ERROR: Resource temporarily unavailable/)
  end

  it "F11: X-06: goes on with the workers it has where there is no process for another one" do
    server = cluster(who, files: { "config/iodine_rs.rb" => <<~'RUBY' })
      Process.singleton_class.prepend(Module.new { def _fork = File.exist?("full") ? raise(Errno::EAGAIN) : super })
    RUBY
    File.write("#{server.dir}/full", "")
    Process.kill("KILL", booted(server).first)
    # The first pause is for the worker, which died as soon as it served.
    server.wait_for_stderr(/cannot fork a worker: Resource temporarily unavailable.*the next worker is forked in 1.0 s/m)
    expect(Http.get(server).status).to eq(200)
    File.unlink("#{server.dir}/full")
    await_workers(server, 3)
  end

  it "W-04, X-05: is followed by its workers when it dies" do
    server = cluster(who)
    pids = booted(server)
    server.signal("KILL")
    eventually { pids.none? { |pid| alive?(pid) } }
    expect(server.stderr.scan("! Detected parent died, dying").size).to eq(2)
  end

  {
    "fork" => "fork { sleep 30 }",
    "a fork of its fork" => "fork { fork { sleep 30 }; sleep 30 }",
    "Process.daemon" => "fork { Process.daemon(true, true); sleep 30 }",
    "IO.popen" => 'Thread.new { }.join; IO.popen("-") || sleep(30)',
    "spawn" => 'spawn("exec sleep 30")'
  }.each do |what, child|
    it "W-04, X-05: is followed by its workers when it dies, also where before_fork has made a process that lives on (#{what})" do
      config = "before_fork { #{child} }\nbefore_worker_fork { #{child} }"
      server = cluster(who, files: { "config/puma.rb" => config })
      pids = booted(server)
      server.signal("KILL")
      eventually { pids.none? { |pid| alive?(pid) } }
    end
  end

  it "leaves children of the app to the app" do
    app = <<~'RUBY'
      CHILD = Process.spawn("exit 3")
      THREAD = Thread.new { sleep 0.5; puts "child: #{Process.wait2(CHILD).last.exitstatus}" }
      run ->(_env) { [200, {}, []] }
    RUBY
    cluster(app).wait_for_stdout(/child: 3/)
  end

  it "D-45: refuses a timeout below the interval" do
    server = serve(who, args: %w[--set worker_timeout=3], wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to eq("ERROR: worker_timeout (3) has to be above worker_check_interval (5)\n")
  end
end
