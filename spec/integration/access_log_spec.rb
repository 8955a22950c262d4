# frozen_string_literal: true

require "spec_helper"
require "base64"
require "json"
require "time"
require_relative "../support/cluster"
require_relative "../support/websocket_client"

RSpec.describe "Access log" do
  app = <<~'RUBY'
    handler = Class.new { def on_message(client, data) = client.write(data) }
    run lambda { |env|
      env["rack.upgrade"] = handler.new if env["rack.upgrade?"]
      case env["PATH_INFO"]
      when "/raise" then raise "boom"
      when "/empty" then [204, {}, []]
      when "/stream" then [200, {}, ->(stream) { 3.times { stream.write("abc") }; stream.close }]
      when "/framed" then [200, { "transfer-encoding" => "chunked" }, ["3\r\nabc\r\n0\r\n\r\n"]]
      when "/large" then [200, {}, Array.new(100) { "x" * 100_000 }]
      when "/hijack"
        io = env["rack.hijack"].call
        io.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        io.close
      when "/switch" then [101, { "upgrade" => "echo", "rack.hijack" => ->(io) { io.close } }, []]
      when "/slow"
        puts "inside"
        sleep 0.01 until File.exist?("go")
        [200, {}, ["late"]]
      else [200, {}, ["hello world\n"]]
      end
    }
  RUBY
  time = %r{\[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} \+0000\]}

  def lines(server) = server.stdout.lines.grep(/\[\d\d\/|\A\{|\A</)

  # The line of the only request.
  def line_of(server, count: 1)
    eventually { lines(server).size >= count }
    expect(lines(server).size).to eq(count)
    lines(server).last.chomp
  end

  def get(server, path, headers = {}, version = "1.1")
    fields = headers.map { |name, value| "#{name}: #{value}\r\n" }.join
    server.connect.request("GET #{path} HTTP/#{version}\r\nhost: example.org\r\n#{fields}\r\n")
  end

  describe "of requests that are refused before the app" do
    refused = {
      "a line that is no field" => ["GET /p?q=1 HTTP/1.1\r\nhost: x\r\nuser-agent: tool\r\nwrong\r\n\r\n", "GET /p?q=1 HTTP/1.1", 400],
      "too long a target" => ["GET /#{"a" * 9000} HTTP/1.1\r\nhost: x\r\n\r\n", "GET /#{"a" * 9000} HTTP/1.1", 414],
      "too many fields" => ["GET /p HTTP/1.0\r\nhost: x\r\n#{"a: b\r\n" * 1001}\r\n", "GET /p HTTP/1.0", 431],
      "a target that is none" => ["GET /a\"b HTTP/1.1\r\nhost: x\r\n\r\n", 'GET /a\\"b HTTP/1.1', 400],
      "an unknown method" => ["BREW /p HTTP/1.1\r\nhost: x\r\n\r\n", "BREW /p HTTP/1.1", 501],
      "a body that is too large" => ["POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n", "POST /p HTTP/1.1", 413],
      "a chunk that is none, behind a full target" => ["POST http://x/p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "POST http://x/p HTTP/1.1", 400],
      "no HTTP" => ["nonsense\r\n\r\n", "- - -", 400],
      "TLS" => ["\x16\x03\x01\x02\x00\x01\x00".b, "- - -", 400]
    }
    refused.each do |what, (bytes, request, status)|
      it "there is a line with what could be read: #{what}" do
        server = serve(app, args: %w[-v --set http_content_length_limit=100])
        expect(server.connect.request(bytes).status).to eq(status)
        expect(line_of(server)).to match(/\A127\.0\.0\.1 - - #{time} "#{Regexp.escape(request)}" #{status} - \d\.\d{4}\z/)
      end
    end

    it "they come in every form, to every place, with what the error handler made of them" do
      config = "custom_logger Class.new { def write(text) = $stdout.write(text) }.new\n" \
               "lowlevel_error_handler { |_error, _env, _status| [422, {}, %w[wha t]] }"
      server = serve(app, args: ["-v", "--set", "access_log_format=<%m %U%q %H %s %B %{User-Agent}i %v>"], files: { "config/puma.rb" => config })
      expect(server.connect.request(refused["a line that is no field"].first).body).to eq("what")
      server.wait_for_stdout(%r{^<GET /p\?q=1 HTTP/1\.1 422 4 tool x>$})
    end

    it "they are JSON" do
      server = serve(app, args: %w[-v --set access_log_format=json])
      server.connect.request(refused["a line that is no field"].first)
      line = JSON.parse(line_of(server))
      expect(line).to include("method" => "GET", "path" => "/p", "query" => "q=1", "status" => 400, "bytes" => 0, "user_agent" => "tool", "host" => "x")
      server.connect.request("nonsense\r\n\r\n")
      expect(JSON.parse(line_of(server, count: 2))).to include("method" => "-", "path" => "", "protocol" => "-", "status" => 400)
    end

    it "one stands behind those of the connection's other requests" do
      server = serve(app, args: %w[-v])
      server.connect.write("GET /p HTTP/1.1\r\nhost: x\r\n\r\nBREW /q HTTP/1.1\r\nhost: x\r\n\r\n").read_to_end
      expect(line_of(server, count: 2)).to include('"BREW /q HTTP/1.1" 501 - ')
      expect(lines(server).first).to include('"GET /p HTTP/1.1" 200 12 ')
    end
  end

  describe "in Puma's form (O-01)" do
    it "has address, user, time, request, status, bytes and seconds" do
      server = serve(app, args: %w[-v])
      get(server, "/p?q=1", "authorization" => "Basic #{Base64.strict_encode64("ann:secret")}")
      expect(line_of(server)).to match(%r{\A127\.0\.0\.1 - ann #{time} "GET /p\?q=1 HTTP/1\.1" 200 12 0\.\d{4}\z})
    end

    it "prefers the address that a proxy tells, and writes a dash for no bytes" do
      server = serve(app, args: %w[-v])
      get(server, "/empty", { "x-forwarded-for" => "192.0.2.1, 10.0.0.1" }, "1.0")
      expect(line_of(server)).to match(%r{\A192\.0\.2\.1,10\.0\.0\.1 - - #{time} "GET /empty HTTP/1\.0" 204 - 0\.\d{4}\z})
    end

    it "knows set_remote_address" do
      server = serve(app, args: %w[-v --set remote_address=header:x-real-ip])
      get(server, "/", "x-real-ip" => "192.0.2.7")
      expect(line_of(server)).to start_with("192.0.2.7 - - ")
    end

    it "marks a hijacked connection" do
      server = serve(app, args: %w[-v])
      get(server, "/hijack")
      expect(line_of(server)).to match(%r{"GET /hijack HTTP/1\.1" HIJACKED -1 0\.\d{4}\z})
    end

    it "counts the bytes of every kind of body" do
      server = serve(app, args: %w[-v])
      { "/stream" => 9, "/framed" => 13, "/" => 12 }.each_with_index do |(path, bytes), index|
        get(server, path)
        expect(line_of(server, count: index + 1)).to match(/" 200 #{bytes} /)
      end
    end

    it "counts what a client took that did not wait for the rest" do
      server = serve(app, args: %w[-v])
      server.connect(receive_buffer: 4096).write("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").tap(&:read_head).reset
      bytes = line_of(server)[%r{"GET /large HTTP/1\.1" 200 (\d+) }, 1].to_i
      expect(bytes).to be_between(1, 9_999_999)
    end

    it "has what the app raised, and what was refused" do
      server = serve(app, args: %w[-v --set http_content_length_limit=3])
      get(server, "/raise")
      expect(line_of(server)).to match(%r{"GET /raise HTTP/1\.1" 500 })
      server.connect.request("POST /big HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
      expect(line_of(server, count: 2)).to match(%r{"POST /big HTTP/1\.1" 413 })
    end

    it "has a client that did not wait as 499" do
      server = serve(app, args: %w[-v])
      socket = server.connect
      socket.write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
      server.wait_for_stdout(/inside/)
      socket.reset
      expect(line_of(server)).to match(%r{"GET /slow HTTP/1\.1" 499 - })
      File.write("#{server.dir}/go", "")
    end

    it "has an upgraded connection once, at its upgrade" do
      server = serve(app, args: %w[-v])
      client = WebSocketClient.new(server, "/chat")
      expect(line_of(server)).to match(%r{"GET /chat HTTP/1\.1" 101 - })
      client.text("hello")
      expect(client.read_message).to eq("hello")
      client.close
      server.signal("INT")
      server.wait_exit
      expect(lines(server).size).to eq(1)
    end

    it "has a connection that the app switched as 101" do
      server = serve(app, args: %w[-v])
      server.connect.write("GET /switch HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
      expect(line_of(server)).to match(%r{"GET /switch HTTP/1\.1" 101 })
    end

    it "has public files" do
      server = serve(app, args: %w[-v --public public], files: { "public/a.txt" => "file" })
      get(server, "/a.txt")
      expect(line_of(server)).to match(%r{"GET /a\.txt HTTP/1\.1" 200 4 })
    end

    it "D-55: goes to the app's logger where there is one" do
      config = <<~'RUBY'
        custom_logger Class.new { def write(text) = File.write("own.log", text, mode: "a") }.new
        log_requests
      RUBY
      server = serve(app, wait: false, files: { "config/iodine_rs.rb" => config })
      eventually { File.exist?("#{server.dir}/own.log") && File.read("#{server.dir}/own.log").include?("Use Ctrl-C") }
      port = File.read("#{server.dir}/own.log")[%r{http://127\.0\.0\.1:(\d+)}, 1]
      3.times { RawSocket.new(port.to_i).request("GET / HTTP/1.1\r\nhost: x\r\n\r\n") }
      server.signal("INT")
      server.wait_exit
      expect(File.read("#{server.dir}/own.log").scan(%r{^127\.0\.0\.1 - - .* "GET / HTTP/1\.1" 200 12 0\.\d{4}$}).size).to eq(3)
    end
  end

  it "is off without a word" do
    server = serve(app)
    get(server, "/")
    server.signal("INT")
    server.wait_exit
    expect(lines(server)).to be_empty
  end

  it "loses no line at the end, in single mode and with workers" do
    [[], %w[-w 2]].each do |mode|
      server = serve(app, args: [*mode, "-v"])
      await_workers(server, 2) unless mode.empty?
      100.times { Http.get(server) }
      server.signal("TERM")
      server.wait_exit
      expect(lines(server).size).to eq(100)
    end
  end

  it "has other forms" do
    headers = { "referer" => "http://a.example/", "user-agent" => "spec" }
    { "common" => %r{"GET / HTTP/1\.1" 200 12\z}, "combined" => %r{"GET / HTTP/1\.1" 200 12 "http://a\.example/" "spec"\z},
      '<%m %U %q %H %>s %B %a %v %{X-Id}i 100%%>' => %r{\A<GET / \?x=1 HTTP/1\.1 200 12 127\.0\.0\.1 example\.org seven 100%>\z} }
      .each do |format, pattern|
        server = serve(app, args: ["-v", "--access-log-format", format])
        get(server, format.start_with?("<") ? "/?x=1" : "/", headers.merge("x-id" => "seven"))
        expect(line_of(server)).to match(pattern)
      end
  end

  it "has JSON" do
    server = serve(app, args: %w[-v --access-log-format json])
    get(server, "/p?q=%22", "user-agent" => "M\u00f6 \"quoted\" \\ \t tab")
    line = JSON.parse(line_of(server))
    expect(line).to include("remote" => "127.0.0.1", "method" => "GET", "host" => "example.org", "path" => "/p", "query" => "q=%22",
                            "protocol" => "HTTP/1.1", "status" => 200, "bytes" => 12, "user_agent" => "M\u00f6 \"quoted\" \\ \t tab")
    expect(line.keys).to eq(%w[time remote method host path query protocol status bytes duration user_agent pid])
    expect(Time.iso8601(line["time"])).to be_within(60).of(Time.now)
    get(server, "/hijack")
    expect(JSON.parse(line_of(server, count: 2))).to include("status" => nil, "hijacked" => true)
  end

  it "cannot be forged by what a client sends" do
    server = serve(app, args: ["-v", "--access-log-format", '<%h "%r" "%{User-Agent}i" %u>'])
    evil = "x\" 200 \\ \t\u00e9"
    get(server, "/a%0d%0ab\\", "user-agent" => evil, "x-forwarded-for" => "1.1.1.1 - - \"GET",
                               "authorization" => "Basic #{Base64.strict_encode64("a b\n127.0.0.1:x")}")
    line = eventually_line(server)
    expect(line).to eq('<1.1.1.1\x20-\x20-\x20\"GET "GET /a%0d%0ab\\\\ HTTP/1.1" "x\" 200 \\\\ \x09\xc3\xa9" a\x20b\x0a127.0.0.1>')
  end

  def eventually_line(server)
    eventually { server.stdout.match?(/^<.*\n/) }
    server.stdout[/^<.*$/]
  end

  it "goes to a file, which HUP opens anew" do
    [[], %w[-w 2]].each do |mode|
      server = serve(app, args: [*mode, "--access-log", "access.log"])
      pids = mode.empty? ? [] : await_workers(server, 2)
      log = "#{server.dir}/access.log"
      get(server, "/one")
      eventually { File.read(log).include?("GET /one") }
      File.rename(log, "#{log}.1")
      server.signal("HUP")
      eventually { File.exist?(log) }
      # Every worker opens it when it hears of it, at its next line at the latest.
      eventually { 4.times { get(server, "/two") }; File.read(log).scan("GET /two").size >= 4 }
      expect(File.read("#{log}.1").lines.grep_v(/GET \/(one|two)/)).to be_empty
      expect(server.alive? && pids.all? { |pid| alive?(pid) }).to be(true)
      expect(lines(server)).to be_empty
    end
  end

  it "says at boot what is wrong with the file or the format" do
    { %w[--access-log no/such/access.log] => /ERROR: cannot write the access log: No such file or directory/,
      %w[--access-log-format %h%Z] => /ERROR: .*access_log_format: %Z is unknown; there are %h %a/,
      %w[--access-log-format %{X] => /access_log_format: %\{X: a field of the request is written as %\{Name\}i/,
      %w[--access-log-format jsn] => /access_log_format: jsn is no format: puma, common, combined, json or %h/ }.each do |args, pattern|
      server = serve(app, args:, wait: false)
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to match(pattern)
    end
  end

  it "drops lines that nobody reads, says how many, and holds up no request" do
    reader = "#{Dir.mktmpdir}/fifo"
    File.mkfifo(reader)
    pipe = File.open(reader, File::RDWR | File::NONBLOCK)
    server = serve(app, args: ["--access-log", reader, "--set", "access_log_queue=10"])
    socket = server.connect
    long = "x" * 4000
    100.times { expect(socket.request("GET /#{long} HTTP/1.1\r\nhost: x\r\n\r\n").status).to eq(200) }
    eventually do
      pipe.read_nonblock(65_536, exception: false)
      server.stderr.match?(/\d+ lines of the access log were dropped: more than access_log_queue waited/)
    end
  ensure
    pipe&.close
  end
end
