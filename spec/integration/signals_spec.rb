# frozen_string_literal: true

RSpec.describe "Signals" do
  # /slow answers when the file "go" appears in the working directory; /stream writes until then.
  waiting = <<~'RUBY'
    wait = -> { sleep 0.01 until File.exist?("go") }
    stream = lambda do |io|
      io.write("begun\n")
      wait.call
      io.write("done\n")
      io.close
    end
    run lambda { |env|
      case env["PATH_INFO"]
      when "/slow"
        puts "in /slow"
        wait.call
        [200, {}, ["slow but sure"]]
      when "/stream" then [200, {}, stream]
      else [200, {}, ["hello"]]
      end
    }
  RUBY

  def get(path) = "GET #{path} HTTP/1.1\r\nhost: x\r\n\r\n"

  # A connection whose request is inside the app.
  def request_in_flight(server)
    server.connect.tap do |socket|
      socket.write(get("/slow"))
      server.wait_for_stdout(%r{in /slow})
    end
  end

  def let_go(server) = File.write("#{server.dir}/go", "")

  { "INT" => "S-02", "TERM" => "S-01" }.each do |signal, row|
    describe "#{row}: #{signal}" do
      it "F5: finishes the requests that have begun" do
        server = serve(waiting)
        socket = request_in_flight(server)
        server.signal(signal)
        server.wait_for_stdout(/- Gracefully stopping, waiting for requests to finish/)
        expect(socket).to be_silent
        let_go(server)

        response = socket.read_response
        expect([response.status, response.body, response.close?]).to eq([200, "slow but sure", true])
        server.wait_exit
      end

      it "finishes a streaming body" do
        server = serve(waiting)
        socket = server.connect
        socket.write(get("/stream"))
        socket.read_until("begun\n")
        server.signal(signal)
        server.wait_for_stdout(/Gracefully/)
        let_go(server)

        expect(socket.read_to_end).to include("done\n")
        server.wait_exit
      end

      it "F5: takes no new connections meanwhile" do
        server = serve(waiting)
        port = server.port
        request_in_flight(server)
        server.signal(signal)

        eventually do
          RawSocket.new(port).close
          false
        rescue Errno::ECONNREFUSED
          true
        end
        let_go(server)
        server.wait_exit
      end

      it "closes idle connections at once" do
        server = serve(waiting)
        socket = server.connect
        socket.request(get("/"))
        request_in_flight(server)
        server.signal(signal)
        expect(socket).to be_closed
        let_go(server)
        server.wait_exit
      end

      it "S-12: stops at once when it comes a second time" do
        server = serve(waiting)
        socket = request_in_flight(server)
        server.signal(signal)
        server.wait_for_stdout(/Gracefully/)
        server.signal(signal)
        server.wait_exit(limit: 7)
        expect(socket).to be_closed
        expect(server.stdout).to end_with("- Goodbye!\n")
      end

      it "S-12: stops an endless stream at once when it comes a second time" do
        server = serve("run ->(env) { [200, {}, ->(io) { loop { io.write('x'); sleep 0.01 } }] }")
        socket = server.connect
        socket.write(get("/"))
        socket.read_until("x")
        server.signal(signal)
        server.wait_for_stdout(/Gracefully/)
        server.signal(signal)
        server.wait_exit(limit: 7)
      end

      it "is ours, even when the app has trapped it" do
        server = serve("trap(#{signal.inspect}) { puts 'the app' }\n#{waiting}")
        server.signal(signal)
        server.wait_exit
        expect(server.stdout).to end_with("- Goodbye!\n")
      end
    end
  end

  it "S-02, X-03: INT ends with status 0" do
    server = serve(waiting)
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(server.stderr).to be_empty
  end

  it "S-01, X-01: TERM ends as killed by TERM, after the app's at_exit" do
    server = serve("at_exit { puts 'at exit' }\n#{waiting}")
    server.signal("TERM")
    expect(server.wait_exit.termsig).to eq(Signal.list["TERM"])
    expect(server.stdout).to end_with("- Goodbye!\nat exit\n")
    expect(server.stderr).to be_empty
  end

  it "S-03: QUIT stops at once, with status 0" do
    server = serve(waiting, args: %w[--pidfile server.pid])
    socket = request_in_flight(server)
    server.signal("QUIT")
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(socket).to be_closed
    expect(File.exist?("#{server.dir}/server.pid")).to be(false)
  end

  it "S-07, S-09, S-11: leaves the others to the app, idle or not" do
    traps = "%w[WINCH CONT ALRM PROF TTIN URG].each { |name| trap(name) { puts \"the app got \#{name}\" } }"
    server = serve("#{traps}\n#{waiting}")
    %w[WINCH CONT].each do |name|
      server.signal(name)
      server.wait_for_stdout(/the app got #{name}/)
    end
    request_in_flight(server)
    %w[ALRM PROF TTIN URG].each do |name|
      server.signal(name)
      server.wait_for_stdout(/the app got #{name}/)
    end
    let_go(server)
  end

  describe "while the app is being loaded" do
    loading = "puts 'loading'\nsleep"

    it "S-02: INT ends quietly" do
      server = ServerProcess.new(app: loading, wait: false)
      server.wait_for_stdout(/loading/)
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(130)
      expect(server.stderr).to be_empty
    ensure
      server&.stop
    end

    it "S-01, X-01: TERM ends as killed by TERM" do
      server = ServerProcess.new(app: loading, wait: false)
      server.wait_for_stdout(/loading/)
      server.signal("TERM")
      expect(server.wait_exit.termsig).to eq(Signal.list["TERM"])
      expect(server.stderr).to be_empty
    ensure
      server&.stop
    end
  end

  it "a forked child that returns into the server ends, and answers nothing" do
    server = serve(<<~'RUBY')
      run lambda { |env|
        child = fork
        next [200, {}, ["child"]] unless child
        Process.wait(child)
        [200, {}, ["parent"]]
      }
    RUBY
    expect(server.connect.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("parent")
  end

  it "a forked child of the app ends without taking the server along" do
    server = serve(<<~'RUBY', bind: "unix://app.sock", args: %w[--pidfile server.pid])
      run ->(env) { Process.wait(fork { exit 7 }); [200, {}, [$?.exitstatus.to_s]] }
    RUBY
    answers = Array.new(3) { RawSocket.new("#{server.dir}/app.sock").request(get("/")).body }

    expect(answers).to eq(%w[7 7 7])
    expect(Dir.children(server.dir)).to include("app.sock", "server.pid")
  end
end
