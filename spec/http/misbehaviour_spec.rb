# frozen_string_literal: true

require "spec_helper"
require "support/wire/apps"

RSpec.describe "HTTP with apps that misbehave" do
  extend Wire::Apps

  # The exception, and a line of the backtrace.
  raised = ->(exception) { failed(/#{exception}.*\.r[bu]:\d+/m) }

  apps [
    [258, "raises StandardError", 'raise "oops"', raised["RuntimeError: oops"]],
    [259, "raises Exception", 'raise Exception, "oops"', raised["Exception: oops"]],
    [259, "raises NoMemoryError", 'raise NoMemoryError, "oops"', raised["NoMemoryError: oops"]],
    [259, "raises SystemStackError", "deep = ->(n) { deep.(n + 1) + 1 }; deep.(0)", raised["SystemStackError"]],
    [259, "raises Interrupt", "raise Interrupt", raised["Interrupt"]],
    [260, "exits", "exit", raised["SystemExit"]],
    [260, "exits with a status", "exit 3", raised["SystemExit"]],
    [260, "aborts", 'abort "oops"', raised["SystemExit"]],
    [261, "throws", "throw :nowhere", raised["UncaughtThrowError"]],
    [262, "times out", "Timeout.timeout(0.05) { sleep }", raised["Timeout::Error"]],
    [268, "runs commands", '[200, {}, [`printf a`, (system("true") ? "b" : "c")]]', sent("ab")],
    [269, "raises before the first part", "[200, {}, Raising.new]", raised["RuntimeError: oops"]],
    [269, "raises before the first part of a given length", '[200, {"content-length" => "4"}, Raising.new]', raised["RuntimeError: oops"]],
    [270, "raises behind a part", '[200, {}, Raising.new("a", "b")]', broken("ab", log: /oops/)],
    [271, "raises inside the content-length", '[200, {"content-length" => "9"}, Raising.new("a", "b")]', broken("ab", log: /oops/)],
    [272, "raises in close", '[200, {}, RaisingClose["body"]]', sent("body", log: /oops/)]
  ]

  context "with their thread" do
    apps [
      [263, "kills its thread", "Thread.current.kill", lost],
      [263, "exits its thread", "Thread.exit", lost],
      [263, "kills its thread in each", "[200, {}, Enumerator.new { Thread.current.kill }]", lost]
    ]
  end

  def head(method, path) = "#{method} #{path} HTTP/1.1\r\nHost: a\r\n\r\n"

  describe "close" do
    closing = <<~RUBY
      require #{Wire::Apps::BODIES.dump}
      $stdout.sync = true
      run lambda { |env|
        case env["PATH_INFO"]
        when "/304" then [304, {}, Closing.new("body")]
        when "/large" then [200, {}, Closing.new("x" * 8_000_000)]
        when "/fine" then [200, {}, ["fine"]]
        else [200, {}, Closing.new("body")]
        end
      }
    RUBY

    let(:server) { serve(closing, args: %w[-t 1:1]) }
    let(:socket) { server.connect }

    after do
      server.wait_for_stdout(/closed/)
      expect(Http.get(server, "/fine").body).to eq("fine")
      expect(server.stdout.scan("closed").size).to eq(1)
    end

    it("row 273: is called once for GET") { socket.request(head("GET", "/")) }
    it("row 273: is called once for HEAD") { socket.request(head("HEAD", "/"), head: true) }
    it("row 273: is called once for 304") { socket.request(head("GET", "/304")) }
    it("row 273: is called once when the client goes") { socket.write(head("GET", "/large")).read_until("xxx") && socket.reset }
  end

  describe "children" do
    forking = <<~'RUBY'
      run lambda { |env|
        case env["PATH_INFO"]
        when "/child" then Process.wait(fork { Dir.children(".") })
        when "/long" then fork { sleep }
        when "/exec" then exec("sleep", "60")
        end
        [200, {}, ["body"]]
      }
    RUBY

    let(:server) { serve(forking, args: %w[-t 1:1]) }
    let(:socket) { server.connect }

    it "row 265: may end without touching the server" do
      expect(socket.request(head("GET", "/child")).body).to eq("body")
      expect(socket.request(head("GET", "/")).body).to eq("body")
      expect(Http.get(server, "/child").body).to eq("body")
    end

    it "row 266: that live on do not keep connections open" do
      request = "GET /long HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      expect(socket.request(request).body).to eq("body")
      expect(socket).to be_closed
    end

    it "row 266: do not keep the other connections open" do
      other = server.connect
      expect(other.request(head("GET", "/")).body).to eq("body")
      expect(Http.get(server, "/long").body).to eq("body")
      other.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      expect(other.read_response.body).to eq("body")
      expect(other).to be_closed
    end

    it "row 267: do not inherit sockets over exec" do
      port = server.port
      socket.write(head("GET", "/exec"))
      expect(socket).to be_closed
      # The kernel closes the connection first; a socket that the new program had inherited would stay for its minute.
      expect { eventually { RawSocket.new(port).close } }.to raise_error(Errno::ECONNREFUSED)
    end
  end

  describe "callbacks" do
    calling = <<~'RUBY'
      $stdout.sync = true
      run lambda { |env|
        2.times { |n| env["rack.after_reply"] << -> { puts "after_reply #{n}"; raise "oops after_reply #{n}" } }
        2.times { |n| env["rack.response_finished"] << ->(*) { puts "finished #{n}"; raise "oops finished #{n}" } }
        [200, {}, ["body"]]
      }
    RUBY

    it "row 290: that raise are logged and the others still run" do
      server = serve(calling, args: %w[-t 1:1])
      2.times { expect(Http.get(server).body).to eq("body") }
      expected = ["after_reply 0", "after_reply 1", "finished 1", "finished 0"]
      eventually { server.stdout.scan(/after_reply \d|finished \d/) == expected * 2 }
      expected.each { |callback| server.wait_for_stderr(/oops #{callback}/) }
    end
  end

  describe "an env that is kept" do
    keeping = <<~'RUBY'
      kept = []
      run lambda { |env|
        case env["PATH_INFO"]
        when "/keep" then kept << env
        when "/clear" then (kept << env).last.clear
        when "/freeze" then kept << env.freeze
        when "/input"
          read = Thread.new { kept.last["rack.input"].read.inspect rescue $!.class.ancestors.inspect }
          next [200, {}, [read.join(2) ? read.value : "hangs"]]
        when "/env"
          GC.start
          next [200, {}, [kept.map { |old| old["PATH_INFO"] }.inspect]]
        end
        [200, {}, ["body"]]
      }
    RUBY

    let(:server) { serve(keeping, args: %w[-t 1:1]) }

    it "row 291: outlives the request" do
      %w[/keep /clear /freeze].each { |path| expect(Http.post(server, path, "hello").body).to eq("body") }
      expect(Http.get(server, "/env").body).to eq('["/keep", nil, "/freeze"]')
    end

    it "row 292: its input in memory can still be read: threads of the app may be at it" do
      Http.post(server, "/keep", "hello")
      expect(Http.get(server, "/input").body).to include("hello")
    end

    it "row 292: its input on disk ends with the request" do
      Http.post(server, "/keep", "x" * 500_000)
      expect(Http.get(server, "/input").body).to match(/\bIOError\b/)
    end
  end
end
