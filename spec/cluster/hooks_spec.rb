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

  it "D-70 to D-78: run in their order and in their process" do
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

  it "know the older words, and share data by key" do
    server = cluster(hello, workers: 1, files: { "config/iodine_rs.rb" => <<~'RUBY' })
      on_worker_boot(:db) { |index, data| data[:name] = "db#{index}" }
      on_worker_shutdown("db") { |_index, data| puts "closing #{data[:name]}" }
    RUBY
    server.signal("INT")
    server.wait_for_stdout(/closing db0/)
  end

  it "may fail without consequences" do
    server = cluster(hello, workers: 1, files: { "config/iodine_rs.rb" => "before_worker_boot { raise 'no way' }" })
    expect(server.stderr).to match(/WARNING hook before_worker_boot failed with exception \(RuntimeError\) no way/)
    expect(Http.get(server).status).to eq(200)
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
    expect(said(server, server.pid)).to eq(%w[before_fork after_fork before_fork after_fork enter_master start_shutdown on_finish])
    pids.each { |pid| expect(said(server, pid)).to eq(%w[after_fork enter_child on_start start_shutdown on_finish]) }
  end
end
