# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"

RSpec.describe "Child processes of an app" do
  table = AppTable.new(
    {
      "row 268 backticks" => "`echo out`",
      "row 268 system" => '[system("exit 3"), $?.exitstatus].inspect',
      "row 268 spawn and wait" => "Process.wait2(spawn('exit 4')).last.exitstatus.to_s",
      "row 268 popen" => 'IO.popen(%w[cat], "r+") { |io| io.write("through"); io.close_write; io.read }',
      "row 265 fork and exit!" => "pid = fork { exit!(5) }; Process.wait2(pid).last.exitstatus.to_s",
      "row 265 fork and a normal exit" => "pid = fork { exit(6) }; Process.wait2(pid).last.exitstatus.to_s",
      "row 265 fork and the end of its block" => "pid = fork { }; Process.wait2(pid).last.exitstatus.to_s",
      "row 265 fork and raise" => 'pid = fork { $stderr.reopen(File::NULL); raise "in the child" }; Process.wait2(pid).last.exitstatus.to_s',
      "row 265 fork and threads in the child" => "pid = fork { exit!(Thread.new { 7 }.value) }; Process.wait2(pid).last.exitstatus.to_s",
      "row 265 fork in which GC runs" => "pid = fork { 3.times { GC.start }; exit!(8) }; Process.wait2(pid).last.exitstatus.to_s",
      "F31 fork and exec" => 'pid = fork { exec("sh", "-c", "exit 9") }; Process.wait2(pid).last.exitstatus.to_s',
      "F31 sockets of a child that is executed" => 'r, w = IO.pipe; pid = fork { $stdout.reopen(w); exec("ls", "-l", "/proc/self/fd") }; w.close; Process.wait(pid); r.read.scan("socket:").size.to_s',
      "F31 fork that closes every descriptor" => "pid = fork { (3..255).each { |n| IO.for_fd(n, autoclose: false).close rescue nil }; exit!(9) }; Process.wait2(pid).last.exitstatus.to_s",
      "F31 detached child" => "Process.detach(fork { Process.setsid; exit!(0) }).value.exitstatus.to_s",
      "fork and a pipe back" => 'r, w = IO.pipe; pid = fork { w.write("from the child"); exit!(0) }; w.close; r.read.tap { Process.wait(pid) }',
      "sleeping child" => 'CHILDREN << fork { sleep }; "started"',
      "sleeping spawn" => 'CHILDREN << spawn("sleep 60"); "started"',
      "row 267 sockets of a spawned child" => "`ls -l /proc/self/fd`.scan('socket:').size.to_s"
    }.transform_values { |code| "[200, {}, [begin; #{code}; end]]" }, prelude: "CHILDREN = []"
  )
  wanted = {
    "row 268 backticks" => "out\n", "row 268 system" => "[false, 3]", "row 268 spawn and wait" => "4", "row 268 popen" => "through",
    "row 265 fork and exit!" => "5", "row 265 fork and a normal exit" => "6", "row 265 fork and the end of its block" => "0",
    "row 265 fork and raise" => "1", "row 265 fork and threads in the child" => "7", "row 265 fork in which GC runs" => "8",
    "F31 fork and exec" => "9", "F31 sockets of a child that is executed" => "0", "F31 fork that closes every descriptor" => "9",
    "F31 detached child" => "0", "fork and a pipe back" => "from the child", "row 267 sockets of a spawned child" => "0"
  }

  let(:server) { ServerProcess.shared(:children, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  define_method(:get) { |row, *fields| ["GET #{table.path(row)} HTTP/1.1", "Host: x", *fields, "", ""].join("\r\n") }

  wanted.each do |row, output|
    it "#{row}: works, one answer, and the server goes on" do
      3.times { expect(sock.request(get(row)).body).to eq output }
      expect(Http.get(server, "/").body).to eq "plain"
      expect(server).to be_alive
    end
  end

  ["sleeping child", "sleeping spawn"].each do |row|
    it "row 266: a #{row} does not keep the client's connection open" do
      server = serve(table.rackup)
      sock = server.connect
      expect(sock.request(get(row, "Connection: close")).body).to eq "started"
      expect(sock).to be_closed
      expect(Http.get(server, "/").body).to eq "plain"
    end
  end

  it "a child does not remove the pid file of its parent" do
    server = serve(table.rackup, args: %w[--pidfile server.pid])
    expect(Http.get(server, table.path("row 265 fork and a normal exit")).body).to eq "6"
    expect(File.read(File.join(server.dir, "server.pid")).to_i).to eq server.pid
  end
end
