# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/small_disk"

# Disks without room, directories without permission, logs that nobody can write.
RSpec.describe "Faults of disks" do
  app = <<~'RUBY'
    run lambda { |env|
      raise "said on purpose" if env["PATH_INFO"] == "/raise"
      env["rack.errors"].puts("a word") if env["PATH_INFO"] == "/say"
      puts "printed" if env["PATH_INFO"] == "/print"
      [200, {}, [(env["rack.input"]&.read&.size || 0).to_s]]
    }
  RUBY
  large = "x" * 3_000_000

  # Root without the rights of root: permissions count for it.
  powerless = %w[setpriv --bounding-set=-all --inh-caps=-all]

  describe "F14: request bodies" do
    it "on a full disk are a 503 and leave no file; others go on, and it recovers", if: SmallDisk.available? do
      disk = SmallDisk.new
      server = serve(app, args: ["--set", "spool_dir=#{disk.path}"])
      2.times do
        socket = server.connect
        answer = socket.request("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: #{large.size}\r\n\r\n#{large}")
        expect([answer.status, answer.close?]).to eq([503, true])
      end
      server.wait_for_stderr(/cannot store a request body in #{disk.path}: No space left on device.*spool_dir/)
      expect(Dir.children(disk.path)).to be_empty
      expect(Http.post(server, "/", large[0, 500_000]).body).to eq("500000")
      expect(Http.post(server, "/", large[0, 50_000]).body).to eq("50000")
    ensure
      server&.stop
      disk.finish
    end

    it "in a directory without permission are a 503, and small ones go on" do
      server = serve(app, args: %w[--set spool_dir=spool], files: { "spool/file" => "" }, under: Process.uid.zero? ? powerless : [])
      File.chmod(0o500, "#{server.dir}/spool")
      expect(Http.post(server, "/", large).status).to eq(503)
      server.wait_for_stderr(/cannot store a request body in .*spool: Permission denied.*spool_dir/)
      expect(Http.post(server, "/", large[0, 50_000]).body).to eq("50000")
    ensure
      File.chmod(0o700, "#{server.dir}/spool") if server
    end
  end

  it "F14: where nothing can be written anywhere the server boots, and only large bodies are a 503", if: SmallDisk.available? do
    # A container whose root is read-only, without a volume for /tmp.
    locked = ["unshare", "--mount", "sh", "-c", 'mount -o bind,ro /tmp /tmp && cd "$PWD" && exec "$@"', "sh"]
    server = serve(app, under: locked, env: { "TMPDIR" => nil })
    expect(Http.post(server, "/", large[0, 50_000]).body).to eq("50000")
    expect(Http.post(server, "/", large).status).to eq(503)
    server.wait_for_stderr(/cannot store a request body in \S+: Read-only file system.*spool_dir/)
  end

  it "F15: leave no file where the server is killed in the middle of an upload" do
    server = serve(app, args: %w[--set spool_dir=spool], files: { "spool/file" => "" })
    socket = server.connect
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: #{large.size}\r\n\r\n#{large[0, 2_000_000]}")
    # An open file in that directory, without a name.
    eventually { Dir["/proc/#{server.pid}/fd/*"].any? { |fd| (File.readlink(fd) rescue "").include?("#{server.dir}/spool/") } }
    server.signal("KILL")
    server.wait_exit
    expect(Dir.children("#{server.dir}/spool")).to eq(["file"])
  end

  describe "a full disk for logs" do
    [["one process", []], ["a cluster", %w[-w 2]]].each do |name, mode|
      it "spoils no request, in #{name}, where the app does not write to it itself" do
        args = ["--set", "redirect_stderr=/dev/full", "--set", "access_log=/dev/full", *mode]
        server = serve(app, args:)
        await_workers(server, 2) if mode.any?
        # rack.errors is the stream itself (Rack SPEC), as it is in Puma.
        answers = %w[/ /say /raise /print /].map { |path| Http.get(server, path).status }
        expect(answers).to eq([200, 500, 500, 200, 200])
        server.signal("INT")
        expect(server.wait_exit.exitstatus).to eq(0)
      end
    end

    it "does not end a server that opens them anew" do
      server = serve(app, args: ["--set", "redirect_stdout=log/out", "--set", "redirect_stderr=/dev/full"], files: { "log/.keep" => "" })
      eventually { File.exist?("#{server.dir}/log/out") && File.read("#{server.dir}/log/out").include?("=== puma startup") }
      FileUtils.rm_rf("#{server.dir}/log")
      server.signal("HUP")
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(0)
    end

    it "does not end the server that prints there, nor an app that does" do
      server = serve(app, files: { "config/iodine_rs.rb" => "before_thread_start { $stdout.reopen('/dev/full') }\n" })
      answers = %w[/ /say /raise /print /].map { |path| Http.get(server, path).status }
      expect(answers).to eq([200, 200, 500, 500, 200])
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(0)
    end

    it "is told at most once a second, and the access log goes on when there is room", if: SmallDisk.available? do
      disk = SmallDisk.new
      log = "#{disk.path}/access.log"
      server = serve(app, args: ["--set", "access_log=#{log}"])
      Http.get(server)
      eventually { File.size?(log) }
      disk.fill
      began = Eventually.now
      # The lines fill what is left of the last page first.
      eventually do
        expect(Http.get(server, "/#{"x" * 500}").status).to eq(200)
        Eventually.now - began > 1.5 && server.stderr.include?("lines are lost")
      end
      told = server.stderr.scan(/the access log cannot be written \(No space left on device/).size
      expect(told).to be_between(1, Eventually.now - began + 1)
      disk.empty
      Http.get(server, "/again")
      eventually { File.read(log).include?("GET /again ") }
    ensure
      server&.stop
      disk.finish
    end
  end

  it "F25: a reader of the errors that stands still holds up no request for long, and none for ever" do
    reader, writer = IO.pipe
    server = serve(app, args: %w[-t 2:2], under: ["sh", "-c", "exec \"$@\" 2>/proc/#{Process.pid}/fd/#{writer.fileno}", "sh"])
    nil while writer.write_nonblock("x" * 65_536, exception: false).is_a?(Integer)
    nil while writer.write_nonblock("x", exception: false).is_a?(Integer)
    expect(Http.get(server).status).to eq(200)
    expect(Http.get(server, "/raise", limit: 5).status).to eq(500)
    expect(Http.get(server).status).to eq(200)
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
  ensure
    [reader, writer].each(&:close)
  end
end
