# frozen_string_literal: true

require "etc"
require "open3"
require "socket"
require_relative "../support/certificates"
require_relative "../support/cluster"
require_relative "../support/tls_socket"

RSpec.describe "A server with a user to become" do
  # Who the app is, when it was loaded and now.
  app = <<~'RUBY'
    who = -> { [Process.uid, Process.euid, Process.gid, Process.groups.sort, ENV["HOME"]].inspect }
    loaded = who.call
    run lambda { |env|
      case env["PATH_INFO"]
      when "/back"
        begin
          Process::UID.change_privilege(0)
          [200, {}, ["root again"]]
        rescue SystemCallError => error
          [200, {}, [error.class.name]]
        end
      else [200, {}, ["#{loaded} #{who.call}"]]
      end
    }
  RUBY

  # What that user is allowed to have.
  def identity(user)
    entry = Etc.getpwnam(user)
    groups = [entry.gid]
    Etc.group { |group| groups << group.gid if group.mem.include?(user) }
    [entry.uid, entry.uid, entry.gid, groups.uniq.sort, entry.dir].inspect
  end

  # Two directories: one that the user may enter, with the app, and one that is root's alone.
  around do |example|
    base = File.directory?("/run") && Process.uid.zero? ? "/run" : nil
    Dir.mktmpdir("iodine-rs-app") do |dir|
      Dir.mktmpdir("iodine-rs-root", *base) do |root|
        File.chmod(0o755, dir, root)
        @dir, @root = File.realpath(dir), File.realpath(root)
        File.write("#{dir}/config.ru", app)
        example.run
      end
    end
  end

  def serve_as(user, *args, **) = serve("#{@dir}/config.ru", args: ["--dir", @dir, "--user", user, *args], **)

  # A port below 1024 that nobody listens on.
  def free_low_port
    (600..1023).find { |port| TCPServer.new("127.0.0.1", port).close || true rescue nil }
  end

  def owner(path) = Etc.getpwuid(File.stat(path).uid).name

  context "when it is started as root" do
    before { skip "root only" unless Process.uid.zero? }

    it "loads the app as that user, with that user's groups and home" do
      server = serve_as("nobody")
      expect(Http.get(server).body).to eq("#{identity("nobody")} #{identity("nobody")}")
      expect(server.stdout).to match(/Listening on .*\* Running as nobody, group/m)
    end

    it "takes another group where one is named, and numbers" do
      user, group = Etc.getpwnam("nobody"), Etc.getgrnam("daemon")
      server = serve_as(user.uid.to_s, "--group", "daemon")
      expect(Http.get(server).body).to start_with("[#{user.uid}, #{user.uid}, #{group.gid}, ")
    end

    it "never becomes root again" do
      expect(Http.get(serve_as("nobody"), "/back").body).to eq("Errno::EPERM")
    end

    it "does so in the master and in each worker" do
      server = serve_as("nobody", "-w", "2")
      await_workers(server, 2)
      expect([server.pid, *booted(server)].map { |pid| owner("/proc/#{pid}") }.uniq).to eq(%w[nobody])
      expect(Http.get(server).body).to eq("#{identity("nobody")} #{identity("nobody")}")
    end

    it "keeps a port that only root may open, also through a hot restart" do
      server = serve_as("nobody", bind: "tcp://127.0.0.1:#{free_low_port}")
      server.signal("USR2")
      server.wait_for_stdout(/Inherited tcp.*Use Ctrl-C/m)
      expect(Http.get(server).body).to start_with("[#{Etc.getpwnam("nobody").uid}, ")
    end

    it "gives the user the pidfile, the logs and the socket in directories that are root's alone" do
      server = serve_as("nobody", "--pidfile", "#{@root}/pid", "--redirect-stderr", "#{@root}/err", "-b", "unix://#{@root}/sock")
      eventually { File.size?("#{@root}/err") }
      expect(%w[pid err sock].map { |name| owner("#{@root}/#{name}") }.uniq).to eq(%w[nobody])
      expect(File.read("#{@root}/pid").to_i).to eq(server.pid)
      File.rename("#{@root}/err", "#{@root}/err.1")
      server.signal("HUP")
      expect(server).to be_alive
    end

    it "reads the keys of its addresses as root, also those for operators, and has their sockets" do
      Certificates.shared.files.each { |name, text| File.write("#{@root}/#{name}", text, perm: 0o600) }
      address = "ssl://127.0.0.1:0?cert=#{@root}/site.crt&key=#{@root}/site.key"
      server = serve_as("nobody", "--control-url", address, "--control-token", "none", "--metrics", address, bind: address)
      ports = server.wait_for_stdout(/(Starting control server on .*)(Serving metrics on .*)Running as nobody/m).captures
      status = ports.map { |line| line[/127\.0\.0\.1:(\d+)/, 1].to_i }.zip(%w[/gc /metrics]).map do |port, path|
        TLSSocket.open(port) { |socket| socket.request("GET #{path} HTTP/1.1\r\nhost: x\r\n\r\n").status }
      end
      expect([TLSSocket.new(server.port).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").status, *status]).to eq([200, 200, 200])
    end

    it "gives the user the control app's socket" do
      server = serve_as("nobody", "--control-url", "unix://#{@root}/control", "--control-token", "none")
      server.wait_for_stdout(/Use Ctrl-C/)
      expect([owner("#{@root}/control"), RawSocket.open("#{@root}/control") { |socket| socket.request("GET /gc HTTP/1.1\r\n\r\n").status }]).to eq(["nobody", 200])
    end

    [[], %w[-w 2]].each do |workers|
      it "ends as asked where the user may not remove its sockets (#{["TERM", *workers].join(" ")})" do
        server = serve_as("nobody", "--control-url", "unix://#{@root}/control.sock", *workers, bind: "unix://#{@root}/app.sock")
        server.wait_for_stdout(workers.empty? ? /Use Ctrl-C/ : /booted/)
        server.signal("TERM")
        expect(server.wait_exit.termsig).to eq(Signal.list["TERM"])
        expect(server.stdout).to include("- Goodbye!")
        expect(server.stderr).to eq("")
      end
    end

    it "follows no link that the user has put there" do
      victim = "#{@root}/victim"
      File.write(victim, "root's own")
      File.chmod(0o777, @dir)
      File.symlink(victim, "#{@dir}/pid")
      server = serve_as("nobody", "--pidfile", "#{@dir}/pid", wait: false)
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to include("cannot write the pidfile: Permission denied")
      expect([File.read(victim), owner(victim)]).to eq(["root's own", "root"])
    end

    it "says which user or group does not exist" do
      server = serve_as("nobody-at-all", wait: false)
      expect([server.wait_exit.exitstatus, server.stderr]).to match([1, /user: the system knows none of the name nobody-at-all/])
      server = serve_as("nobody", "--group", "none-at-all", wait: false)
      expect([server.wait_exit.exitstatus, server.stderr]).to match([1, /group: the system knows none of the name none-at-all/])
    end

    it "wants a user for a group" do
      server = serve("#{@dir}/config.ru", args: ["--group", "daemon"], wait: false)
      expect([server.wait_exit.exitstatus, server.stderr]).to match([1, /group: it goes with `user`/])
    end

    it "says so where somebody else than root starts it" do
      File.chmod(0o755, @dir)
      out, = Open3.capture2e("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", RbConfig.ruby, "-Ilib", "exe/iodine-rs",
                             "-b", "tcp://127.0.0.1:0", "--user", "nobody", "#{@dir}/config.ru")
      expect(out).to include("user: only root can become nobody; start the server as root, or leave `user` out")
    end
  end

  it "is that user already, and changes nothing" do
    user = Etc.getpwuid.name
    server = serve_as(user)
    expect(Http.get(server).body).to start_with("[#{Process.uid}, ")
    expect(server.stdout).not_to include("Running as")
  end
end
