# frozen_string_literal: true

require "iodine_rs"
require "open3"
require "rbconfig"
require "stringio"
require "tmpdir"

RSpec.describe IodineRs::Server do
  hello = ->(_env) { [200, {}, ["hello"]] }

  # A running server on a free port; stopped after the example.
  def embed(app, **options)
    server = described_class.new(app, **options)
    (@embedded ||= []) << server
    server.add_tcp_listener("127.0.0.1", 0)
    server.run
    server
  end

  after { @embedded&.each { |server| server.halt } }

  def port(server) = server.connected_ports.first

  def get(server, path = "/") = Http.get(port(server), path)

  # Runs a script that has the gem, in a process of its own.
  def script(source)
    lib = File.expand_path("../../lib", __dir__)
    Timeout.timeout(20) { Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-e", "require 'iodine-rs'\n#{source}") }
  end

  it "serves, and the thread ends when it has stopped" do
    server = described_class.new(hello)
    socket = server.add_tcp_listener("127.0.0.1", 0)
    thread = server.run

    expect(Http.get(socket.local_address.ip_port, "/").body).to eq("hello")
    expect(thread).to be_alive
    server.stop
    expect(thread.join(5)).to be(thread)
  end

  it "prints nothing" do
    expect { get(embed(hello)) }.not_to output.to_stdout_from_any_process
  end

  it "logs an exception of the app" do
    err = StringIO.new
    server = embed(->(_env) { raise "boom" }, log: IodineRs::Log.new(out: nil, err:))

    expect(get(server, "/path").status).to eq(500)
    expect(err.string).to include('Rack app ("GET /path" - (127.0.0.1)): #<RuntimeError: boom>')
  end

  it "takes options by name, and refuses unknown ones" do
    expect(get(embed(->(env) { [200, {}, [env["SCRIPT_NAME"]]] }, script_name: "/shop")).body).to eq("/shop")
    expect { described_class.new(hello, max_thread: 1) }
      .to raise_error(IodineRs::ConfigError, "unknown option max_thread; did you mean max_threads?")
  end

  it "two of them serve side by side, and one outlives the other" do
    one, two = Array.new(2) { |index| embed(->(_env) { [200, {}, [index.to_s]] }) }

    expect([get(one).body, get(two).body]).to eq(%w[0 1])
    one.stop(true)
    expect(get(two).body).to eq("1")
  end

  it "many come and go" do
    10.times do
      server = embed(hello)
      expect(get(server).body).to eq("hello")
      server.stop(true)
    end
    eventually { Thread.list.none? { |thread| thread.name.to_s.start_with?("iodine-rs") } }
  end

  it "listens on a Unix socket" do
    Dir.mktmpdir do |dir|
      server = described_class.new(hello)
      server.add_unix_listener("#{dir}/app.sock")
      server.run
      expect(RawSocket.new("#{dir}/app.sock").request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("hello")
      server.stop(true)
      expect(Dir.empty?(dir)).to be(true)
    end
  end

  describe "#stop" do
    it "with true returns when the requests that have begun are finished, and the port is free" do
      gate = Thread::Queue.new
      entered = Thread::Queue.new
      server = embed(->(_env) { entered << true; gate.pop; [200, {}, ["done"]] })
      listening = port(server)
      socket = RawSocket.new(listening)
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
      entered.pop
      stopping = Thread.new { server.stop(true) }

      expect(stopping.join(0.2)).to be_nil
      gate << true
      expect(socket.read_response.body).to eq("done")
      expect(stopping.join(5)).to be(stopping)
      TCPServer.new("127.0.0.1", listening).close
    end

    it "closes the sockets of a server that never ran" do
      server = described_class.new(hello)
      listening = server.add_tcp_listener("127.0.0.1", 0).local_address.ip_port
      server.stop
      expect { TCPServer.new("127.0.0.1", listening).close }.not_to raise_error
    end

    it "may be called again" do
      server = embed(hello)
      3.times { server.stop(true) }
    end
  end

  it "#halt waits for nothing" do
    entered = Thread::Queue.new
    server = embed(->(_env) { entered << true; sleep })
    socket = RawSocket.new(port(server))
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    entered.pop
    server.halt
    expect(socket).to be_closed
  end

  describe "#stats" do
    it "has figures while it runs" do
      server = embed(hello, max_threads: 3)
      get(server)
      expect(server.stats).to include(max_threads: 3, requests_count: 1, backlog: 0, streams: 0)
      expect(server.stats.keys).to include(:backlog, :running, :busy_threads, :pool_capacity, :max_threads, :io_threads,
                                           :backlog_max, :requests_count, :reactor_max, :connections, :streams)
      expect(described_class.new(hello).stats).to eq({})
    end

    it "counts open connections" do
      server = embed(hello)
      sockets = Array.new(3) { RawSocket.new(port(server)) }
      eventually { server.stats[:connections] == 3 }
      sockets.each(&:close)
      eventually { server.stats[:connections].zero? }
    end
  end

  it "installs no signal handler" do
    handlers = lambda do
      %w[INT TERM QUIT HUP USR1 USR2 CHLD WINCH PIPE].map { |name| trap(name, "IGNORE").tap { |old| trap(name, old) } }
    end
    before = handlers.call
    get(embed(hello))
    expect(handlers.call).to eq(before)
  end

  it "changes neither ENV, nor the process title, nor the output" do
    title = File.read("/proc/self/cmdline")
    expect { get(embed(hello)) }.not_to(change { [ENV.to_h, $stdout.sync, File.read("/proc/self/cmdline") == title] })
  end

  it "shares objects with the program around it" do
    seen = []
    get(embed(->(env) { seen << env; [200, {}, []] }), "/here")
    expect(seen.map { |env| env["PATH_INFO"] }).to eq(["/here"])
  end

  it "is left alone by a forked child that stops it" do
    server = embed(hello)
    pid = fork do
      server.stop(true)
      server.halt
      exit!(server.stats == {} ? 0 : 1)
    end
    expect(Process.wait2(pid).last.exitstatus).to eq(0)
    expect(get(server).body).to eq("hello")
  end

  it "replaces a thread the app has killed" do
    server = embed(->(env) { env["PATH_INFO"] == "/kill" ? Thread.current.kill : [200, {}, ["alive"]] }, max_threads: 1)
    RawSocket.open(port(server)) do |socket|
      socket.write("GET /kill HTTP/1.1\r\nhost: x\r\n\r\n")
      expect(socket.read_response.status).to eq(500)
    end
    expect(get(server).body).to eq("alive")
  end

  describe "the program around it" do
    boot = <<~'RUBY'
      server = IodineRs::Server.new(->(_env) { sleep if _env["PATH_INFO"] == "/slow"; [200, {}, ["x"]] })
      socket = server.add_tcp_listener("127.0.0.1", 0)
      server.run
    RUBY

    it "may simply end" do
      output, status = script("#{boot}\nputs :end")
      expect([output, status.exitstatus]).to eq(["end\n", 0])
    end

    it "may end while requests are in the app" do
      output, status = script(<<~RUBY)
        #{boot}
        clients = Array.new(5) do
          client = TCPSocket.new("127.0.0.1", socket.local_address.ip_port)
          client.write("GET /slow HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
          client
        end
        Thread.pass until server.stats[:busy_threads] == 5
        puts :end
      RUBY
      expect([output, status.exitstatus]).to eq(["end\n", 0])
    end

    it "keeps its own Ctrl-C" do
      output, status = script(<<~RUBY)
        #{boot}
        begin
          Process.kill(:INT, Process.pid)
          sleep
        rescue Interrupt
          puts :mine
        end
      RUBY
      expect([output, status.exitstatus]).to eq(["mine\n", 0])
    end
  end
end
