# frozen_string_literal: true

require "spec_helper"
require "socket"
require_relative "../support/bundle"
require_relative "../support/cluster"

RSpec.describe "Under systemd" do
  hello = "run ->(_env) { [200, {}, [Process.pid.to_s]] }"

  describe "sd_notify" do
    # What the server has said so far, a message a line.
    def heard(socket)
      loop { (@heard ||= []) << socket.recv_nonblock(4096) }
    rescue IO::WaitReadable
      @heard ||= []
    end

    around do |example|
      Dir.mktmpdir do |folder|
        @path = "#{folder}/notify"
        @socket = Socket.new(:UNIX, :DGRAM).tap { |socket| socket.bind(Addrinfo.unix(@path)) }
        example.run
      ensure
        @socket.close
      end
    end

    { "one process" => [[], /\ASTATUS=iodine-rs \S+: worker: \{ \d+\/5 threads, 5 available, 0 backlog \}\z/],
      "a cluster" => [%w[-w 2], /\ASTATUS=iodine-rs \S+: cluster: 2\/2, worker_status: \[\{ \d+\/5 threads, \d+ available, \d+ backlog \},\{ [^{}]* backlog \}\]\z/] }
      .each do |name, (args, status)|
      it "V-07, G-07: says READY, STATUS, WATCHDOG, RELOADING and STOPPING (#{name})" do
        server = serve(hello, args:, env: { "NOTIFY_SOCKET" => @path, "WATCHDOG_USEC" => "400000" })
        eventually { heard(@socket).include?("READY=1") && @heard.include?("WATCHDOG=1") }
        eventually { heard(@socket).grep(status).any? }
        server.signal("USR2")
        eventually { heard(@socket).count("READY=1") == 2 }
        expect(@heard.grep(/\ARELOADING=1\nMONOTONIC_USEC=\d+\z/).size).to eq(1)
        server.signal("INT")
        server.wait_exit
        expect(heard(@socket)).to include("STOPPING=1")
      end
    end

    ["0", "-1", "", "soon"].each do |usec|
      it "V-07: WATCHDOG_USEC=#{usec.inspect} means no watchdog, as it does for Puma" do
        server = serve(hello, env: { "NOTIFY_SOCKET" => @path, "WATCHDOG_USEC" => usec })
        eventually { heard(@socket).grep(/\ASTATUS=/).any? }
        server.signal("INT")
        server.wait_exit
        expect(heard(@socket)).not_to include("WATCHDOG=1")
      end
    end

    it "V-07: serves also where nobody can be told" do
      expect(Http.get(serve(hello, env: { "NOTIFY_SOCKET" => "/#{"x" * 200}" })).status).to eq(200)
    end

    it "V-08: says nothing where that is asked for" do
      server = serve(hello, env: { "NOTIFY_SOCKET" => @path, "PUMA_SKIP_SYSTEMD" => "1" })
      Http.get(server)
      server.signal("INT")
      server.wait_exit
      expect(heard(@socket)).to be_empty
    end
  end

  describe "socket activation" do
    # Starts the server as systemd does: the socket is descriptor 3, and the variables name the process itself.
    def activated(socket, app, *args, bundle: false, files: {})
      folder = Dir.mktmpdir("iodine-rs-systemd")
      { "config.ru" => app, **files }.each { |name, text| File.write("#{folder}/#{name}", text) }
      File.write("#{folder}/Gemfile", Bundle.gemfile)
      env = { **Bundle::CLEAN, "RACK_ENV" => "production", **(bundle ? { "BUNDLE_GEMFILE" => "#{folder}/Gemfile", "RUBYOPT" => "-rbundler/setup" } : {}) }
      lib = File.expand_path("../..", __dir__)
      program = 'ENV["LISTEN_PID"] = Process.pid.to_s; ENV["LISTEN_FDS"] = "1"; exec(*ARGV, 3 => 3, close_others: false)'
      pid = Process.spawn(env, RbConfig.ruby, "-e", program, RbConfig.ruby, "-I#{lib}/lib", "#{lib}/exe/iodine-rs", *args,
                          chdir: folder, 3 => socket.fileno, %i[out err] => "#{folder}/log")
      log = -> { File.read("#{folder}/log") }
      eventually { log.call.include?("Use Ctrl-C") || (Process.wait(pid, Process::WNOHANG) && raise(log.call)) }
      yield log, pid, folder
    ensure
      Process.kill("INT", pid)
      Process.wait(pid)
      FileUtils.rm_rf(folder)
    end

    [%w[-b tcp://127.0.0.1:PORT], %w[-b tcp://127.0.0.1:PORT -w 1], %w[--bind-to-activated-sockets only]].each do |args|
      it "V-06, B-06: listens on the socket that is there (#{args.join(" ")})" do
        socket = TCPServer.new("127.0.0.1", 0)
        port = socket.local_address.ip_port
        activated(socket, hello, *args.map { |arg| arg.sub("PORT", port.to_s) }) do |log|
          expect(log.call).to include("* Activated tcp://127.0.0.1:#{port}\n")
          expect(log.call).not_to include("Listening on")
          expect(Http.get(port).status).to eq(200)
        end
      end
    end

    # As Puma's documentation writes them, beside the `port` of a Rails app.
    [["0.0.0.0", %w[-p PORT]], ["0.0.0.0", %w[-p PORT --bind-to-activated-sockets only]], ["::", %w[-b tcp://0.0.0.0:PORT]]].each do |host, args|
      it "D-01, B-06: takes the socket of all interfaces under either of their names (#{host}, #{args.join(" ")})" do
        socket = TCPServer.new(host, 0)
        port = socket.local_address.ip_port
        activated(socket, hello, *args.map { |arg| arg.sub("PORT", port.to_s) }) do |log|
          expect(log.call).to match(/^\* Activated tcp:\S+:#{port}$/)
          expect(log.call).not_to match(/Listening on|Closing/)
          expect(Http.get(port).status).to eq(200)
        end
      end
    end

    it "B-06: listens on a Unix socket, which is left alone at the end" do
      Dir.mktmpdir do |folder|
        path = "#{folder}/app.sock"
        activated(UNIXServer.new(path), hello, "-b", "unix://#{path}") { |log| expect(log.call).to include("* Activated unix://#{path}\n") }
        expect(File.exist?(path)).to be(true)
      end
    end

    it "B-06: knows a Unix socket by another way to its directory" do
      Dir.mktmpdir do |folder|
        FileUtils.mkdir("#{folder}/shared")
        File.symlink("shared", "#{folder}/current")
        activated(UNIXServer.new("#{folder}/shared/app.sock"), hello, "-b", "unix://#{folder}/current/app.sock") do |log|
          expect(log.call).to match(%r{^\* Activated unix://.*/app.sock$})
          expect(log.call).not_to match(/Listening on|Closing/)
        end
      end
    end

    it "B-03, B-06: knows a socket in the abstract namespace" do
      name = "iodine-rs-spec-#{Process.pid}"
      activated(UNIXServer.new("\0#{name}"), hello, "-b", "unix://@#{name}", "-b", "unix://app.sock") do |log|
        expect(log.call).to include("* Activated unix://@#{name}\n", "* Listening on unix://app.sock\n")
      end
    end

    it "B-06, B-07: closes a Unix socket that nobody asked for, and removes its file" do
      Dir.mktmpdir do |folder|
        path = "#{folder}/other.sock"
        activated(UNIXServer.new(path), hello, "-b", "tcp://127.0.0.1:0") do |log|
          expect(log.call).to include("* Closing unused unix://#{path}\n")
          expect(File.exist?(path)).to be(false)
        end
      end
    end

    [[], %w[-w 1]].each do |workers|
      it "B-06, V-15: keeps the socket through hot restarts under Bundler, which remembers the variables (#{["-b", *workers].join(" ")})" do
        socket = TCPServer.new("127.0.0.1", 0)
        port = socket.local_address.ip_port
        activated(socket, hello, "-b", "tcp://127.0.0.1:#{port}", *workers, bundle: true) do |log, pid|
          2.times do |before|
            Process.kill("USR2", pid)
            eventually { log.call.scan("Use Ctrl-C").size == before + 2 }
            expect(Http.get(port).status).to eq(200)
          end
          expect(log.call.scan(/^.*\* (Activated|Inherited|Closing)/).flatten).to eq(%w[Activated Inherited Inherited])
        end
      end
    end

    # Also those that the configuration does not name.
    [%w[--bind-to-activated-sockets only], %w[--bind-to-activated-sockets only -p PORT -w 2], %w[--bind-to-activated-sockets -b tcp://127.0.0.1:0]].each do |args|
      it "D-05, S-03: are systemd's after hot restarts, too (#{args.join(" ")})" do
        socket = TCPServer.new("0.0.0.0", 0)
        port = socket.local_address.ip_port
        activated(socket, hello, *args.map { |arg| arg.sub("PORT", port.to_s) }) do |log, pid|
          2.times do |before|
            Process.kill("USR2", pid)
            eventually { log.call.scan("Use Ctrl-C").size == before + 2 }
            expect(Http.get(port).status).to eq(200)
          end
          expect(log.call.scan(%r{\* (\w+) tcp://0.0.0.0:#{port}$}).flatten).to eq(%w[Activated Inherited Inherited])
          expect(log.call).not_to include("Closing")
        end
      end
    end

    it "D-05: closes those at a hot restart that no longer asks for them, but keeps one that it names" do
      socket = TCPServer.new("127.0.0.1", 0)
      port = socket.local_address.ip_port
      config = "File.exist?('named') ? bind('tcp://127.0.0.1:#{port}') : bind_to_activated_sockets; bind 'unix://app.sock'"
      activated(socket, hello, "-C", "puma.rb", files: { "puma.rb" => config }) do |log, pid, folder|
        FileUtils.touch("#{folder}/named")
        Process.kill("USR2", pid)
        eventually { log.call.scan("Use Ctrl-C").size == 2 }
        expect(Http.get(port).status).to eq(200)
        File.write("#{folder}/puma.rb", "bind 'unix://app.sock'")
        Process.kill("USR2", pid)
        eventually { log.call.scan("Use Ctrl-C").size == 3 }
        expect(log.call.scan(%r{\* (\w+ ?\w+) tcp:}).flatten).to eq(["Activated", "Inherited", "Closing unused"])
      end
    end

    it "B-07: closes a socket that nobody asked for" do
      socket = TCPServer.new("127.0.0.1", 0)
      activated(socket, hello, "-b", "tcp://127.0.0.1:0") do |log|
        expect(log.call).to include("* Closing unused tcp://127.0.0.1:#{socket.local_address.ip_port}\n", "* Listening on")
      end
    end
  end
end
