# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"

RSpec.describe "A misbehaving app" do
  # Answered by one 500, and logged with these words.
  refused = {
    "row 256 nil" => ["nil", //],
    "row 256 a String" => ['"no triplet"', //],
    "row 256 two elements" => ["[200, {}]", //],
    "row 256 four elements" => ["[200, {}, [], 4]", //],
    "row 248 status nil" => ["[nil, {}, []]", /status/i],
    "status that is no number" => ['["abc", {}, []]', /status/i],
    "status an Object" => ["[Object.new, {}, []]", /status/i],
    "row 250 status 99" => ["[99, {}, []]", /99/],
    "status 0" => ["[0, {}, []]", /0/],
    "status -2" => ["[-2, {}, []]", /-2/],
    "row 251 status 1000" => ["[1000, {}, []]", /1000/],
    "row 253 status 103" => ["[103, {}, []]", /103/],
    "status 100" => ["[100, {}, []]", /100/],
    "status 101 without a stream" => ["[101, {}, []]", /101/],
    "row 254 headers nil" => ["[200, nil, []]", /headers/i],
    "headers a String" => ['[200, "x: 1", []]', /headers/i],
    "row 255 body nil" => ["[200, {}, nil]", /body/i],
    "body a String" => ['[200, {}, "a string"]', /body/i],
    "body an Integer" => ["[200, {}, 5]", /body/i],
    "H-05 a rack.hijack that cannot be called" => ['[200, { "rack.hijack" => 5 }, []]', /rack\.hijack 5/],
    "row 258 raise" => ['raise "boom"', /RuntimeError: boom/],
    "an exception whose message raises" => ['raise Class.new(StandardError) { def message = raise("worse"); def to_s = message }', //],
    "an exception with a message of several lines and controls" => ['raise "one\ntwo\e[31m\0"', /one/],
    "an exception with a message in another encoding" => ['raise "\xE9\xFF".b + "latin"', /latin/],
    "row 259 Exception" => ['raise Exception, "big"', /Exception: big/],
    "row 259 NoMemoryError" => ["raise NoMemoryError", /NoMemoryError/],
    "row 259 an allocation that fails" => ['"x" * (2**62)', /ArgumentError|NoMemoryError/],
    "row 259 SystemStackError" => ["dig = -> { dig.call }; dig.call", /SystemStackError/],
    "row 260 exit" => ["exit", /SystemExit/],
    "row 260 exit false" => ["exit(false)", /SystemExit/],
    "row 260 abort" => ['abort("aborted by the app")', /SystemExit/],
    "row 261 throw" => ["throw :nobody", /UncaughtThrowError/],
    "row 262 Timeout" => ["Timeout.timeout(0.01) { sleep }", /Timeout::Error/],
    "Interrupt" => ["raise Interrupt", /Interrupt/],
    "SignalException" => ['raise SignalException, "TERM"', /SignalException/],
    "StopIteration" => ["raise StopIteration", /StopIteration/],
    "a FrozenError" => ['"x".freeze << "y"', /FrozenError/],
    "a NotImplementedError" => ["raise NotImplementedError", /NotImplementedError/],
    "a FiberError" => ["Fiber.yield", /FiberError/],
    "a deadlock" => ["Mutex.new.tap(&:lock).lock", /ThreadError/],
    "an exception that is no exception's class" => ["raise 5", /TypeError/]
  }
  table = AppTable.new(
    {
      **refused.transform_values(&:first),
      "kill" => "Thread.current.kill; sleep",
      "killed by another" => "me = Thread.current; Thread.new { me.kill }.join; sleep",
      "an Integer in an Array" => '[200, {}, ["a", 5]]',
      "a Symbol in an Array" => "[200, {}, [:a, 5]]"
    }, prelude: 'require "timeout"'
  )

  let(:server) { ServerProcess.shared(:misbehaviour, app: table.rackup, args: %w[-t 1:1]) }
  let(:sock) { server.connect }

  after { sock.close }

  define_method(:get) { |row| "GET #{table.path(row)} HTTP/1.1\r\nHost: x\r\n\r\n" }

  refused.each do |row, (_, words)|
    it "#{row} is one empty 500 and a line in the log, and the server lives on" do
      before = server.stderr.size
      response = sock.request(get(row))
      expect([response.status, response.body]).to eq [500, ""]
      expect(Http.get(server, "/").body).to eq "plain"
      title = /Rack app \("GET #{Regexp.escape(table.path(row))}" - \(127\.0\.0\.1\)\): #<.*/
      logged = eventually { server.stderr[before..][/#{title}(?m:.*)/] }
      expect(logged).to match words
    end
  end

  it "an exception is logged with its backtrace" do
    server = serve("run lambda { |_env|\n  helper = -> { raise 'deep' }\n  helper.call\n}")
    expect(Http.get(server, "/somewhere").status).to eq 500
    server.wait_for_stderr(%r{Rack app \("GET /somewhere" - \(127\.0\.0\.1\)\): #<RuntimeError: deep>\n\s*.*config\.ru:2:in.*\n\s*.*config\.ru:3:in})
  end

  ["an Integer in an Array", "a Symbol in an Array"].each do |row|
    it "row 257: #{row} is a 500 or turned into a String" do
      response = sock.request(get(row))
      expect([response.status, response.body]).to eq([500, ""]).or eq([200, "a5"])
      expect(sock.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").body).to eq "plain"
    end
  end

  it "the connection goes on after a 500" do
    expect(sock.request(get("row 258 raise")).status).to eq 500
    expect(sock.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").body).to eq "plain"
  end

  it "HEAD for an app that raises is a 500 without a body" do
    expect(sock.request(get("row 258 raise").sub("GET", "HEAD"), head: true).status).to eq 500
    expect(sock.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").body).to eq "plain"
  end

  ["kill", "killed by another"].each do |row|
    it "row 263: Thread##{row} closes or answers that request, and the only thread is replaced" do
      3.times do
        victim = server.connect.write(get(row).sub("Host: x", "Host: x\r\nConnection: close"))
        bytes = victim.read_to_end.then { |read| read.empty? ? "HTTP/1.1 500" : read }
        expect(bytes).to start_with("HTTP/1.1 500")
        expect(bytes.scan("HTTP/1.1").size).to eq 1
        expect(Http.get(server, "/").body).to eq "plain"
        server.wait_for_stderr(/Rack app \("GET .*" - \(127.0.0.1\)\): .*its thread was killed> in app.call/)
      ensure
        victim&.close
      end
    end
  end

  describe "the page for a failed request" do
    { "production" => {}, "staging" => { "RACK_ENV" => "staging" } }.each do |name, env|
      it "is empty in #{name}" do
        server = serve('run ->(_env) { raise "secret" }', env:)
        response = Http.get(server, "/")
        expect([response.status, response["content-length"], response.body]).to eq [500, "0", ""]
      end
    end

    it "helps in development: class, message, place, and nothing of it is markup" do
      server = serve('run ->(env) { raise ArgumentError, "<b>wrong</b> #{env["HTTP_X_A"]}" }', env: { "RACK_ENV" => "development" })
      response = Http.get(server, "/", { "x-a" => "<script>" })
      expect(response.status).to eq 500
      expect(response.body).to include("ArgumentError", "wrong", "config.ru:1")
      expect(response["content-type"]).to match(%r{\Atext/(plain|html)})
      expect(response.body).not_to match(/<b>|<script>/) if response["content-type"].include?("html")
    end

    it "tells in development what is wrong with a triplet" do
      server = serve("run ->(_env) { [200, {}] }", env: { "RACK_ENV" => "development" })
      expect(Http.get(server, "/").body).to match(/status.*headers.*body|three|3 elements|\[200, \{\}\]/mi)
    end
  end

  describe "row 269 to 272 a body that raises" do
    bodies = AppTable.new(
      {
        "each at once" => '[200, {}, Enumerator.new { |y| raise "boom" }]',
        "each after a part" => '[200, {}, Enumerator.new { |y| y << "part"; raise "boom" }]',
        "each within its length" => '[200, { "content-length" => "9" }, Enumerator.new { |y| y << "part"; raise "boom" }]',
        "each kills its thread" => '[200, {}, Enumerator.new { |y| y << "part"; Thread.current.kill }]',
        "each exits" => '[200, {}, Enumerator.new { |y| y << "part"; exit }]',
        "each throws" => '[200, {}, Enumerator.new { |y| y << "part"; throw :x }]',
        "close" => 'body = ["part"]; def body.close = raise("boom"); [200, {}, body]',
        "close after each" => 'body = Enumerator.new { |y| y << "part" }; def body.close = raise("boom"); [200, {}, body]',
        "to_path" => 'body = ["part"]; def body.to_path = raise("boom"); [200, {}, body]',
        "to_ary" => 'body = ["part"].each; def body.to_ary = raise("boom"); [200, {}, body]',
        "respond_to?" => 'body = ["part"].each; def body.respond_to?(*) = raise("boom"); [200, {}, body]',
        "headers" => '[200, Class.new { def each = raise("boom") }.new, ["part"]]',
        "header value" => '[200, { "x-a" => Class.new { def to_s = raise("boom") }.new }, ["part"]]'
      }
    )

    let(:server) { ServerProcess.shared(:raising_bodies, app: bodies.rackup, args: %w[-t 1:1]) }

    {
      "each at once" => /\A(?!.*part).*\z/m,
      "each after a part" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\n4\r\npart\r\n\z/m,
      "each within its length" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\npart\z/m,
      "each kills its thread" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\n4\r\npart\r\n\z/m,
      "each exits" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\n4\r\npart\r\n\z/m,
      "each throws" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\n4\r\npart\r\n\z/m,
      "close" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\npart\z/m,
      "close after each" => /\AHTTP\/1.1 200 OK\r\n.*\r\n\r\n4\r\npart\r\n0\r\n\r\n\z/m,
      "to_path" => %r{\AHTTP/1.1 (500 .*\r\n\r\n|200 .*\r\n\r\npart)\z}m,
      "to_ary" => %r{\AHTTP/1.1 (500 .*\r\n\r\n|200 .*\r\n\r\n(4\r\n)?part(\r\n0\r\n\r\n)?)\z}m,
      "respond_to?" => %r{\AHTTP/1.1 500 .*\r\n\r\n\z}m,
      "headers" => %r{\AHTTP/1.1 500 .*\r\n\r\n\z}m,
      "header value" => %r{\AHTTP/1.1 500 .*\r\n\r\n\z}m
    }.each do |row, wanted|
      it "#{row}: one status line, a correct or cut body, and the server lives on" do
        before = server.stderr.size
        sock.write("GET #{bodies.path(row)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        bytes = sock.read_to_end
        expect(bytes).to match wanted
        expect(bytes.scan("HTTP/1.1").size).to be <= 1
        expect(Http.get(server, "/").body).to eq "plain"
        eventually { server.stderr[before..].include?("boom") } unless row.match?(/kill|exits|throws|to_path|to_ary/)
      end
    end
  end
end
