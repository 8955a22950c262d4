# frozen_string_literal: true

RSpec.describe "iodine-rs" do
  hello = "run ->(env) { [200, {}, ['hello']] }"
  # Answers with one value of Ruby, evaluated in the server.
  answer = ->(source) { "run ->(env) { [200, {}, [(#{source}).to_s]] }" }

  def body(server, path = "/") = Http.get(server, path).body

  # A connection, or nil: a socket's file is there a moment before somebody listens.
  def listening(path)
    RawSocket.new(path)
  rescue Errno::ENOENT, Errno::ECONNREFUSED
    nil
  end

  # Each of them would take 2 to 10 ms of the boot, and memory.
  it "loads no large part of the standard library that it can do without" do
    unset = { "TMPDIR" => nil, "TMP" => nil, "TEMP" => nil }
    server = serve(answer.("%w[uri fileutils tmpdir pathname forwardable].map { |name| require name }"), env: unset)
    expect(body(server)).to eq("[true, true, true, true, true]")
  end

  describe "the banner" do
    it "has Puma's lines" do
      server = serve(hello, args: %w[-t 2:7])
      expect(server.stdout).to eq(<<~TEXT)
        iodine-rs starting in single mode...
        * iodine-rs version: #{File.read("lib/iodine_rs/version.rb")[/"(.+)"/, 1]}
        * Ruby version: #{RUBY_DESCRIPTION}
        *  Min threads: 2
        *  Max threads: 7
        *  Environment: production
        *          PID: #{server.pid}
        * Listening on http://127.0.0.1:#{server.port}
        Use Ctrl-C to stop
      TEXT
      expect(server.stderr).to be_empty
    end

    it "§2.7: ends with the marker and Goodbye" do
      server = serve(hello)
      server.signal("INT")
      server.wait_exit
      expect(server.stdout.sub(/(?<=shutdown: )\d{4}-.*(?= ===)/, "TIME")).to end_with(<<~TEXT)
        Use Ctrl-C to stop
        - Gracefully stopping, waiting for requests to finish
        === puma shutdown: TIME ===
        - Goodbye!
      TEXT
    end

    it "is not printed with -s" do
      server = serve(hello, args: %w[-s], bind: "unix://app.sock", wait: false)
      socket = eventually { listening("#{server.dir}/app.sock") }
      expect(socket.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("hello")
      server.stop
      expect(server.stdout + server.stderr).to be_empty
    end
  end

  describe "listening" do
    it "names each address, with its real port" do
      server = serve(hello, bind: nil, args: %w[-b tcp://127.0.0.1:0 -b unix://app.sock -b 127.0.0.1:0])
      lines = server.stdout.lines(chomp: true).grep(/Listening/)

      expect(lines).to match([%r{\A\* Listening on http://127\.0\.0\.1:\d+\z}, "* Listening on unix://app.sock",
                              %r{\A\* Listening on http://127\.0\.0\.1:\d+\z}])
      targets = [*lines.join.scan(/:(\d+)/).flatten.map(&:to_i), "#{server.dir}/app.sock"]
      expect(targets.map { |target| RawSocket.new(target).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body })
        .to eq(%w[hello hello hello])
    end

    it "serves every loopback address for localhost" do
      server = serve(hello, bind: "localhost:0")
      hosts = server.stdout.scan(%r{Listening on http://(\S+):#{server.port}$}).flatten.map { |host| host.delete("[]") }

      expect(hosts).to include("127.0.0.1")
      hosts.each do |host|
        expect(RawSocket.new(server.port, host:).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").status).to eq(200)
      end
    end

    it "takes the port of PORT, on all interfaces" do
      server = serve(hello, bind: nil, env: { "PORT" => "0" })
      expect(server.stdout).to match(%r{Listening on http://(0\.0\.0\.0|\[::\]):[1-9]\d*$})
      expect(body(server)).to eq("hello")
    end

    it "-p beats PORT" do
      server = serve(hello, bind: nil, args: %w[-p 0], env: { "PORT" => "1" })
      expect(server.port).not_to eq(1)
    end

    it "removes the Unix socket at the end" do
      server = serve(hello, bind: "unix://app.sock")
      server.signal("INT")
      server.wait_exit
      expect(File.exist?("#{server.dir}/app.sock")).to be(false)
    end
  end

  describe "the environment" do
    it "is -e's" do
      server = serve(answer["ENV['RACK_ENV']"], args: %w[-e staging], env: { "RACK_ENV" => "test" })
      expect(body(server)).to eq("staging")
    end

    it "is APP_ENV's before RACK_ENV's" do
      expect(body(serve(answer["ENV['RACK_ENV']"], env: { "RACK_ENV" => "test", "APP_ENV" => "demo" }))).to eq("demo")
    end

    it "is development by default" do
      expect(body(serve(answer["ENV['RACK_ENV']"], env: { "RACK_ENV" => nil }))).to eq("development")
    end

    it "decides what a client sees of an exception" do
      raising = "run ->(env) { raise 'a secret' }"
      expect(body(serve(raising, args: %w[-e development]))).to include("a secret (RuntimeError)", "config.ru:1")
      expect(body(serve(raising, args: %w[-e production]))).to eq("")
    end
  end

  it "runs the rackup file that is named, in its own directory's terms" do
    files = { "other.ru" => "require_relative 'neighbour'\nrun ->(env) { [200, {}, [NEIGHBOUR]] }",
              "neighbour.rb" => "NEIGHBOUR = 'next door'" }
    server = ServerProcess.start(files:, args: %w[other.ru])
    expect(body(server)).to eq("next door")
  ensure
    server&.stop
  end

  it "-I adds to the load path" do
    expect(body(serve("require 'greeting'\nrun ->(env) { [200, {}, [GREETING]] }", args: %w[-I vendor],
                      files: { "vendor/greeting.rb" => "GREETING = 'hi'" }))).to eq("hi")
  end

  it "--dir changes the directory first" do
    server = ServerProcess.start(files: { "sub/config.ru" => answer["Dir.pwd"] }, args: %w[--dir sub])
    expect(body(server)).to eq(File.realpath("#{server.dir}/sub"))
  ensure
    server&.stop
  end

  it "--pidfile holds the process id while the server runs" do
    server = serve(hello, args: %w[--pidfile server.pid])
    expect(File.read("#{server.dir}/server.pid").to_i).to eq(server.pid)
    server.signal("INT")
    server.wait_exit
    expect(File.exist?("#{server.dir}/server.pid")).to be(false)
  end

  it "shows address and tag in the process title" do
    server = serve(hello, args: %w[--tag shop])
    title = File.read("/proc/#{server.pid}/cmdline").delete("\0")
    expect(title).to match(%r{\Aiodine-rs \d+\.\d+\.\d+ \(tcp://127\.0\.0\.1:#{server.port}\) \[shop\]\z})
  end

  it "-t 1:1 is one thread" do
    expect(body(serve(answer["env['rack.multithread']"], args: %w[-t 1:1]))).to eq("false")
  end

  it "-w 0 serves from this process" do
    expect(body(serve(answer["[env['rack.multiprocess'], Process.ppid == #{Process.pid}]"], args: %w[-w 0])))
      .to eq("[false, true]")
  end

  it "--early-hints gives the app rack.early_hints" do
    source = answer["env['rack.early_hints'].respond_to?(:call)"]
    expect([body(serve(source, args: %w[--early-hints])), body(serve(source))]).to eq(%w[true false])
  end

  it "--set reaches the core" do
    server = serve(hello, args: %w[--set max_head_size=2000])
    expect(Http.get(server, "/", { "x-long" => "x" * 3000 }).status).to eq(431)
  end

  describe "a configuration file" do
    it "is config/iodine_rs.rb, without being asked for" do
      files = { "config/iodine_rs.rb" => "threads 3\ntag 'from the file'\nmax_head_size 2000",
                "config/puma.rb" => "raise 'not yet'" }
      server = serve(hello, files:)

      expect(server.stdout).to include("*  Min threads: 3\n*  Max threads: 3\n")
      expect(Http.get(server, "/", { "x-long" => "x" * 3000 }).status).to eq(431)
    end

    it "may bring the app" do
      server = ServerProcess.start(files: { "x.rb" => "app { |env| [200, {}, ['inline']] }" }, args: %w[-C x.rb])
      expect(body(server)).to eq("inline")
    ensure
      server&.stop
    end

    it "gives way to the command line" do
      server = serve(hello, files: { "config/iodine_rs.rb" => "threads 3\nport 1" }, args: %w[-t 1:2])
      expect(server.stdout).to include("*  Min threads: 1\n*  Max threads: 2\n")
    end
  end

  describe "-v" do
    it "prints a line for each request, after the response" do
      server = serve(hello, args: %w[-v])
      Http.get(server, "/path?q=1")
      server.wait_for_stdout(%r{^127\.0\.0\.1 - - \[\d\d/\w{3}/.{19}\] "GET /path\?q=1 HTTP/1\.1" 200 5 \d\.\d{4}$})
    end

    it "prints the status an exception was answered with" do
      server = serve("run ->(env) { raise 'boom' }", args: %w[-v])
      Http.get(server, "/")
      server.wait_for_stdout(%r{"GET / HTTP/1\.1" 500 })
    end

    it "is off by default, and with -q" do
      server = serve(hello, args: %w[-v -q])
      Http.get(server, "/path")
      server.stop
      expect(server.stdout).not_to include("/path")
    end
  end

  it "prints at once what the app prints" do
    server = serve("run ->(env) { puts 'from the app'; [200, {}, []] }")
    Http.get(server)
    server.wait_for_stdout(/from the app/)
  end

  describe "mistakes end with one message and status 1" do
    # Runs a server that cannot start and returns what it says.
    def failure(**)
      server = ServerProcess.new(wait: false, **)
      status = server.wait_exit
      expect(status.exitstatus).to eq(1), server.output
      server.stderr
    ensure
      server&.stop
    end

    it "X-04: a port that is taken" do
      TCPServer.open("127.0.0.1", 0) do |other|
        port = other.local_address.ip_port
        expect(failure(app: hello, bind: "tcp://127.0.0.1:#{port}"))
          .to eq("ERROR: Address already in use - bind(2) for 127.0.0.1:#{port}: another process listens there; " \
                 "choose another port\n")
      end
    end

    { "--control-url" => "control_url", "--metrics" => "metrics" }.each do |flag, option|
      it "X-04: a port that is taken where operators should connect (#{flag})" do
        TCPServer.open("127.0.0.1", 0) do |other|
          place = "127.0.0.1:#{other.local_address.ip_port}"
          expect(failure(app: hello, args: [flag, "tcp://#{place}"]))
            .to eq("ERROR: #{option}: Address already in use - bind(2) for #{place}: another process listens there; choose another port\n")
        end
      end
    end

    it "X-04: no config.ru" do
      expect(failure)
        .to match(/\AERROR: No application configured, nothing to run \(\S+config\.ru does not exist\)\n\z/)
    end

    it "a syntax error in it" do
      message = failure(app: "run ->(env) {\n  [200, {}, ['x']\n}\n")
      expect(message).to match(/\AERROR: \S+config\.ru could not be loaded: SyntaxError: \S+config\.ru:3: /)
      expect(message).not_to include("lib/iodine_rs")
    end

    it "an app that raises while it is loaded" do
      message = failure(app: "require_relative 'shop'\nrun Shop", files: { "shop.rb" => "\nraise 'no database'" })
      expect(message).to match(/\AERROR: \S+\.ru could not be loaded: RuntimeError: no database\n  from \S+shop\.rb:2:/)
      expect(message).to match(/  from \S+config\.ru:1:in .*\n\z/)
      expect(message).not_to include("lib/iodine_rs")
    end

    it "an app that needs a missing gem" do
      expect(failure(app: "require 'no_such_gem'"))
        .to include("LoadError: cannot load such file -- no_such_gem\n  from ")
    end

    {
      "an unknown option" => [{ args: %w[--nope] },
                              "ERROR: invalid option: --nope; `iodine-rs --help` lists the options\n"],
      "a bad value" => [{ args: %w[-t lots] },
                        /\AERROR: min_threads: "lots" is not accepted; it takes an integer .*\n\z/],
      "a bad address" => [{ bind: "http://x" }, /\AERROR: bind: "http:\/\/x" is not accepted; .*\n\z/],
      "a missing directory" => [{ args: %w[--dir nowhere] }, /\AERROR: No such file or directory .*nowhere\n\z/],
      "a bad configuration" => [{ args: %w[-C x.rb], files: { "x.rb" => "\nprot 1" } },
                                /\AERROR: \S+x\.rb:2: unknown option prot; did you mean port\?\n\z/],
      "a pidfile out of reach" => [{ args: %w[--pidfile no/x.pid] }, /\AERROR: cannot write the pidfile: .*x\.pid\n\z/]
    }.each do |what, (options, message)|
      it(what) { expect(failure(app: hello, **options)).to match(message) }
    end

    it "leaves no socket file behind" do
      server = ServerProcess.new(app: hello, bind: "unix://app.sock", args: %w[--pidfile no/x.pid], wait: false)
      server.wait_exit
      expect(Dir.children(server.dir)).to eq(%w[config.ru])
    ensure
      server&.stop
    end
  end

  it "ends with the status the app's file wants" do
    server = ServerProcess.new(app: "exit 3", wait: false)
    expect(server.wait_exit.exitstatus).to eq(3)
    expect(server.stderr).to be_empty
  ensure
    server&.stop
  end
end
