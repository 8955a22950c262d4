# frozen_string_literal: true

require "spec_helper"
require_relative "../support/certificates"
require_relative "../support/cluster"

# What becomes of exceptions, by Puma's rows (§4.5).
RSpec.describe "Errors" do
  app = <<~'RUBY'
    run lambda { |env|
      case env["PATH_INFO"]
      when "/raise" then raise "boom"
      when "/exit" then exit(3)
      when "/interrupt" then raise Interrupt
      when "/memory" then raise NoMemoryError
      when "/script" then raise NotImplementedError, "later"
      when "/throw" then throw :async
      when "/kill" then Thread.current.kill
      when "/name" then [200, {}, [Thread.current.name.to_s]]
      else [200, {}, ["hello"]]
      end
    }
  RUBY
  handler = "lowlevel_error_handler { |error, env, status| [status, {}, [[error.class.name, env.class.name, status.to_s].join(' ')]] }"

  define_method(:request) { |socket, path| socket.request("GET #{path} HTTP/1.1\r\nhost: x\r\n\r\n") }

  it "O-02: an exception of the app is logged with its request, answered with an empty 500, and the connection goes on" do
    server = serve(app)
    socket = server.connect
    answer = request(socket, "/raise?q=1")
    expect([answer.status, answer.body, answer["connection"]]).to eq([500, "", nil])
    expect(request(socket, "/").body).to eq("hello")
    server.wait_for_stderr(%r{^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 Rack app \("GET /raise\?q=1" - \(127\.0\.0\.1\)\): #<RuntimeError: boom>\n +\S+config\.ru:3})
  end

  it "O-02: in development the answer tells what was raised" do
    answer = Http.get(serve(app, env: { "RACK_ENV" => "development" }), "/raise")
    expect(answer.status).to eq(500)
    expect(answer.body).to match(/boom.*RuntimeError.*config\.ru:3/m)
  end

  { "exit" => "SystemExit", "interrupt" => "Interrupt", "memory" => "NoMemoryError", "script" => "NotImplementedError",
    "throw" => "UncaughtThrowError" }.each do |path, error|
    it "O-04: #{error} is a 500 like any other" do
      server = serve(app)
      expect(Http.get(server, "/#{path}").status).to eq(500)
      server.wait_for_stderr(/#{error}/)
      expect(Http.get(server).body).to eq("hello")
    end
  end

  it "O-03: lowlevel_error_handler gets what the app raised" do
    server = serve(app, files: { "config/puma.rb" => handler })
    expect(Http.get(server, "/raise").body).to eq("RuntimeError Hash 500")
    expect(Http.get(server, "/exit").body).to eq("SystemExit Hash 500")
  end

  it "O-03: lowlevel_error_handler gets what ends a request when the server stops, with status 503" do
    server = serve("run ->(_env) { puts 'inside'; sleep 60 }", args: %w[--set force_shutdown_after=0.1], files: { "config/puma.rb" => handler })
    socket = server.connect.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    server.wait_for_stdout(/inside/)
    server.signal("INT")
    answer = socket.read_response
    expect([answer.status, answer.body]).to eq([503, "IodineRs::ForceShutdown Hash 503"])
  end

  describe "O-03: of a request that was refused, lowlevel_error_handler" do
    # Answers with what it got; of a handshake only the error stream hears.
    telling = <<~'RUBY'
      first_data_timeout 0.3
      http_content_length_limit 100
      lowlevel_error_handler do |error, env, status|
        read = env.slice("REQUEST_METHOD", "REQUEST_URI", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_A", "HTTP_X_B", "REMOTE_ADDR", "SERVER_PROTOCOL")
        $stderr.puts "handler: #{error.class}: #{error.message}"
        [status + 20, { "x-own" => "yes" }, [error.class.name, " ", read.values.join(" ")]]
      end
    RUBY
    fields = "host: x\r\nx-a: 1\r\n"
    read = "127.0.0.1 HTTP/1.1"

    { "no HTTP" => ["nonsense\r\n\r\n", 400, "IodineRs::RequestError  127.0.0.1"],
      "TLS" => ["\x16\x03\x01\x02\x00\x01\x00", 400, "IodineRs::RequestError  127.0.0.1"],
      "a line that is no field" => ["GET /p?q=1 HTTP/1.1\r\n#{fields}wrong\r\nx-b: 1\r\n\r\n", 400, "IodineRs::RequestError GET /p?q=1 /p q=1 x 1 #{read}"],
      "no Host" => ["GET /p HTTP/1.1\r\nx-a: 1\r\n\r\n", 400, "IodineRs::RequestError GET /p /p  1 #{read}"],
      "a length that is none" => ["POST /p HTTP/1.1\r\n#{fields}content-length: 1x\r\n\r\n", 400, "IodineRs::RequestError POST /p /p  x 1 #{read}"],
      "a chunk that is none" => ["POST /p HTTP/1.1\r\n#{fields}transfer-encoding: chunked\r\n\r\nzz\r\n", 400, "IodineRs::RequestError POST /p /p  x 1 #{read}"],
      "too long a target" => ["GET /#{"a" * 9000} HTTP/1.1\r\n#{fields}\r\n", 414, /\AIodineRs::RequestError GET \/a{9000} \/a{9000}  x 1 127/],
      "too many fields" => ["GET /p HTTP/1.1\r\n#{fields}#{"a: b\r\n" * 1001}\r\n", 431, "IodineRs::RequestError GET /p /p  x 1 #{read}"],
      "an expectation" => ["GET /p HTTP/1.1\r\n#{fields}expect: tea\r\n\r\n", 417, "IodineRs::RequestError GET /p /p  x 1 #{read}"],
      "an unknown coding" => ["POST /p HTTP/1.1\r\n#{fields}transfer-encoding: gzip, chunked\r\n\r\n", 501, "IodineRs::UnsupportedRequestError POST /p /p  x 1 #{read}"],
      "an unknown method" => ["BREW /p HTTP/1.1\r\n#{fields}\r\n", 501, "IodineRs::UnsupportedRequestError BREW /p /p  x 1 #{read}"],
      "another version" => ["GET /p HTTP/3.0\r\n#{fields}\r\n", 505, "IodineRs::RequestError GET /p /p  x 1 #{read}"] }
      .each do |what, (bytes, status, told)|
      it "answers #{what} (#{status}) from what could be read, and the connection ends" do
        server = serve(app, files: { "config/puma.rb" => telling })
        client = server.connect
        answer = client.request(bytes)
        expect([answer.status, answer["x-own"], answer["connection"], answer["content-length"]]).to eq([status + 20, "yes", "close", answer.body.bytesize.to_s])
        expect(answer.body).to match(told.is_a?(Regexp) ? told : /\A#{Regexp.escape(told)}\z/)
        expect(client.closed?).to be(true)
        server.wait_for_stderr(/HTTP parse error, malformed request \(".*" - \(127.0.0.1\)\): #{status} /)
        expect(server.stderr).not_to include("Rack app")
      end
    end

    it "is not asked where the answer is fixed (408, 413), or where there is no room for its job (503)" do
      waiting = "run ->(_env) { puts 'inside'; sleep 0.05 until File.exist?('go'); [200, {}, []] }"
      server = serve(waiting, args: %w[-t 1:1 --set max_queue=1 --set queue_timeout=0], files: { "config/puma.rb" => telling })
      slow = server.connect.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab")
      large = server.connect.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\nab")
      expect([slow, large].map { |client| client.read_response.then { |answer| [answer.status, answer.body, answer["x-own"]] } }).to eq([[408, "", nil], [413, "", nil]])
      inside = server.connect.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
      server.wait_for_stdout(/inside/)
      # One of these waits, and fills the queue.
      eventually do
        full = server.connect.request("GET / HTTP/1.1\r\nhost: x\r\n\r\n", limit: 1) rescue next
        [full.status, full["x-own"]] == [503, nil]
      end
      expect(server.connect.request("nonsense\r\n\r\n").status).to eq(400)
      File.write("#{server.dir}/go", "")
      expect(inside.read_response.status).to eq(200)
      expect(server.stderr).not_to include("handler:")
    end

    it "answers HEAD without a body, and a broken chunk behind other requests" do
      server = serve(app, files: { "config/puma.rb" => telling })
      client = server.connect
      expect(client.request("HEAD /p HTTP/1.1\r\nx-a: 1\r\n\r\n", head: true).status).to eq(420)
      expect(client.closed?).to be(true)
      client = server.connect
      expect(client.request("GET /p HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("hello")
      expect(client.request("HEAD /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", head: true).status).to eq(420)
      expect(client.closed?).to be(true)
    end

    it "gets what kept the server from reading a body" do
      server = serve(app, args: %w[--set spool_dir=spool --set body_memory_limit=10], files: { "spool/keep" => "", "config/puma.rb" => telling })
      FileUtils.rm_r("#{server.dir}/spool")
      answer = server.connect.request("POST /p HTTP/1.1\r\n#{fields}content-length: 50\r\n\r\n#{"a" * 50}")
      expect([answer.status, answer.body]).to eq([523, "IodineRs::ReadError POST /p /p  x 1 #{read}"])
    end

    it "hears of handshakes that fail; what it answers is for nobody" do
      server = serve(app, bind: "ssl://127.0.0.1:0?cert=site.crt&key=site.key", files: Certificates.shared.files.merge("config/puma.rb" => telling))
      server.connect.write("\x16\x03\x01\x00\x05hello".b).read_to_end
      server.wait_for_stderr(/^handler: IodineRs::SSLError: /)
      expect(server.connect.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n").read_to_end).to include("This port speaks TLS")
      server.wait_for_stderr(/^handler: IodineRs::SSLError: not a TLS handshake/)
    end

    # The handler keeps the only thread until the file "go" appears.
    keeping = 'lowlevel_error_handler { puts "handling"; sleep 0.01 until File.exist?("go"); [400, {}, []] }'

    it "is not asked for a client that has gone by then, as the app is not" do
      server = serve(app, args: %w[-t 1:1], files: { "config/puma.rb" => keeping })
      first = server.connect.write("nonsense\r\n\r\n")
      server.wait_for_stdout(/handling/)
      server.connect.write("more nonsense\r\n\r\n").tap { server.wait_for_stderr(/"more/) }.reset
      last = server.connect.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
      File.write("#{server.dir}/go", "")
      expect([first, last].map { |client| client.read_response.status }).to eq([400, 200])
      expect(server.stdout.scan("handling").size).to eq(1)
    end

    it "hears of no handshake while all threads are busy: requests come first" do
      server = serve(app, bind: "ssl://127.0.0.1:0?cert=site.crt&key=site.key", args: %w[-t 1:1 -b tcp://127.0.0.1:0],
                     files: Certificates.shared.files.merge("config/puma.rb" => keeping))
      port = server.stdout[/Listening on ssl:\S+?:(\d+)/, 1].to_i
      2.times do
        RawSocket.open(port) { |client| client.write("nonsense\r\n\r\n").read_to_end }
        server.wait_for_stdout(/handling/)
      end
      last = RawSocket.new(server.stdout[/Listening on http:\S+?:(\d+)/, 1].to_i).write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
      File.write("#{server.dir}/go", "")
      expect(last.read_response.status).to eq(200)
      expect(server.stdout.scan("handling").size).to eq(1)
    end

    it "knows Puma's names for it" do
      config = "lowlevel_error_handler { |error, _env| [400, {}, [[Puma::HttpParserError, Puma::HttpParserError501].count { |kind| kind === error }.to_s]] }"
      server = serve(app, files: { "config/puma.rb" => config })
      expect(server.connect.request("nonsense\r\n\r\n").body).to eq("1")
      expect(server.connect.request("BREW / HTTP/1.1\r\nhost: x\r\n\r\n").body).to eq("2")
    end

    { "raises" => ["raise 'again'", /RuntimeError: again.* in lowlevel_error_handler$/], "answers nonsense" => ["[:no]", / in lowlevel_error_handler$/],
      "hijacks" => ["|_error, env| env['rack.hijack'].call", /IOError/], "kills its thread" => ["Thread.current.kill", /HTTP parse error/] }
      .each do |what, (words, logged)|
      it "may fail: where it #{what}, the client gets the plain refusal" do
        server = serve(app, args: %w[-t 1:1], files: { "config/puma.rb" => "lowlevel_error_handler { #{words} }" })
        answer = server.connect.request("nonsense\r\n\r\n")
        expect([answer.status, answer.body]).to eq([400, ""])
        server.wait_for_stderr(logged)
        expect(Http.get(server).body).to eq("hello")
      end
    end
  end

  { "raises itself" => ["raise 'again'", /RuntimeError: again/], "answers nonsense" => [":nonsense", /AppError/],
    "answers with a String for a body" => ["[500, {}, 'sorry']", /AppError/] }.each do |what, (answer, logged)|
    it "O-03: a handler that #{what} is told, and the answer is an empty 500" do
      server = serve(app, files: { "config/puma.rb" => "lowlevel_error_handler { #{answer} }" })
      response = Http.get(server, "/raise")
      expect([response.status, response.body]).to eq([500, ""])
      server.wait_for_stderr(/#{logged}.* in lowlevel_error_handler$/)
      expect(Http.get(server).body).to eq("hello")
    end
  end

  it "O-05: a thread that was killed is replaced at once, where it was the only one" do
    server = serve(app, args: %w[-t 1:1])
    request(server.connect, "/kill")
    expect(Http.get(server, "/name").body).to eq("iodine-rs worker 001")
  end

  it "O-05: idle threads above the minimum go home" do
    meeting = <<~'RUBY'
      count, lock = 0, Mutex.new
      run lambda { |env|
        next [200, {}, [Thread.list.count { |thread| thread.name.to_s.start_with?("iodine-rs worker") }.to_s]] if env["PATH_INFO"] == "/count"

        lock.synchronize { count += 1 }
        sleep 0.005 until lock.synchronize { count } >= 4
        [200, {}, []]
      }
    RUBY
    server = serve(meeting, args: %w[-t 1:4 --set thread_idle_timeout=0.3])
    Array.new(4) { Thread.new { Http.get(server) } }.each(&:join)
    expect(Http.get(server, "/count").body).to eq("4")
    eventually { Http.get(server, "/count").body.to_i <= 2 }
  end
end
