# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "Hooks of a cluster" do
  config = <<~'RUBY'
    def say(text) = puts("hook #{text} #{Process.pid}")
    before_fork { say "before_fork" }
    before_worker_fork { |index| say "before_worker_fork #{index}" }
    after_worker_fork { |index| say "after_worker_fork #{index}" }
    before_worker_boot { |index| say "before_worker_boot #{index}" }
    before_worker_shutdown { |index| say "before_worker_shutdown #{index}" }
    after_worker_shutdown { |worker| say "after_worker_shutdown #{worker.index} #{worker.process_status.exitstatus}" }
    after_booted { say "after_booted" }
    after_stopped { say "after_stopped" }
  RUBY
  hello = "run ->(_env) { [200, {}, []] }"

  def said(server, pid) = server.stdout.scan(/^hook (.*) #{pid}$/).flatten

  it "D-70, D-71, D-72, D-73, D-74, D-75, D-77, D-78: run in their order and in their process" do
    server = cluster(hello, files: { "config/iodine_rs.rb" => config })
    pids = booted(server)
    server.wait_for_stdout(/hook after_booted/)
    server.signal("INT")
    server.wait_exit
    expect(said(server, server.pid)).to match([
      "before_fork", "before_worker_fork 0", "after_worker_fork 0", "before_worker_fork 1", "after_worker_fork 1",
      "after_booted", /after_worker_shutdown [01] 0/, /after_worker_shutdown [01] 0/, "after_stopped"
    ])
    expect(pids.map { |pid| said(server, pid) }).to contain_exactly(
      ["before_worker_boot 0", "before_worker_shutdown 0"], ["before_worker_boot 1", "before_worker_shutdown 1"]
    )
  end

  it "D-73, D-74: know the older words, and share data by key" do
    server = cluster(hello, workers: 1, files: { "config/iodine_rs.rb" => <<~'RUBY' })
      on_worker_boot(:db) { |index, data| data[:name] = "db#{index}" }
      on_worker_shutdown("db") { |_index, data| puts "closing #{data[:name]}" }
    RUBY
    server.signal("INT")
    server.wait_for_stdout(/closing db0/)
  end

  it "may fail without consequences" do
    server = cluster(hello, workers: 1, files: { "config/iodine_rs.rb" => "before_worker_boot { raise 'no way' }" })
    expect(server.stdout).to match(/^\[\d+\] WARNING hook before_worker_boot failed with exception \(RuntimeError\) no way$/)
    expect(Http.get(server).status).to eq(200)
  end

  it "D-77: after_booted runs once, and again after a phased restart, not for a worker that was replaced" do
    server = cluster(hello, args: %w[--set preload_app=false], files: { "config/iodine_rs.rb" => config })
    server.wait_for_stdout(/hook after_booted/)
    Process.kill("KILL", booted(server).first)
    await_workers(server, 3)
    server.signal("USR1")
    await_workers(server, 5)
    server.signal("INT")
    server.wait_exit
    expect(said(server, server.pid).count("after_booted")).to eq(2)
  end

  it "has a worker begin behind a collection of the master's, with room" do
    config = 'before_worker_boot { puts "collected: #{GC.latest_gc_info.values_at(:major_by, :immediate_sweep)}" }'
    server = cluster(hello, files: { "config/iodine_rs.rb" => config })
    server.wait_for_stdout(/collected: \[:force, true\]/)
  end

  it "§2.8, D-80, D-81: worker and thread hooks run in their order" do
    server = cluster(hello, workers: 1, args: %w[-t 2:2], files: { "config/iodine_rs.rb" => <<~'RUBY' })
      before_worker_boot { puts "hook boot" }
      before_thread_start { puts "hook start" }
      before_thread_exit { puts "hook exit" }
      before_worker_shutdown { puts "hook shutdown" }
    RUBY
    eventually { server.stdout.scan("hook start").size == 2 }
    server.signal("INT")
    server.wait_exit
    expect(server.stdout.scan(/^hook (.*)/).flatten).to eq(%w[boot start start exit exit shutdown])
  end

  it "§2.8, D-77, D-80: after_booted waits for the threads that are always there, also without workers" do
    hooks = { "config/iodine_rs.rb" => "before_thread_start { sleep 0.2; puts 'hook start' }\nafter_booted { puts 'hook booted' }" }
    [cluster(hello, workers: 1, args: %w[-t 2:2], files: hooks), serve(hello, args: %w[-t 2:2], files: hooks)].each do |server|
      server.wait_for_stdout(/hook booted/)
      expect(server.stdout.scan(/hook (.*)/).flatten).to eq(%w[start start booted])
    end
  end

  it "D-70 to D-75: those of a cluster do not run without workers, and say so unless they are told not to (D-51)" do
    hooks = "before_fork { puts 'run' }\non_worker_boot { puts 'run' }\n"
    server = serve(hello, files: { "config/iodine_rs.rb" => hooks })
    expect(server.stdout).to include("* before_fork does not run: there are no workers\n",
                                     "* before_worker_boot does not run: there are no workers\n")
    expect(server.stdout).not_to match(/^run$/)
    server = serve(hello, files: { "config/iodine_rs.rb" => "silence_fork_callback_warning\n#{hooks}" })
    expect(server.stdout).not_to include("does not run")
  end

  it "take a block" do
    server = serve(hello, files: { "config/iodine_rs.rb" => "\nbefore_fork" }, wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(%r{config/iodine_rs.rb:2: before_fork takes a block})
  end

  it "states: run where iodine's do" do
    server = cluster(<<~'RUBY')
      IodineRs::Life::STATES.each { |name| IodineRs.on_state(name) { puts "hook #{name} #{Process.pid}" } }
      run ->(_env) { [200, {}, []] }
    RUBY
    pids = booted(server)
    server.signal("INT")
    server.wait_exit
    expect(said(server, server.pid)).to eq(%w[pre_start before_fork after_fork before_fork after_fork enter_master start_shutdown on_finish])
    pids.each { |pid| expect(said(server, pid)).to eq(%w[after_fork enter_child on_start start_shutdown on_finish]) }
  end
end
