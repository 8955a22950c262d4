# frozen_string_literal: true

require "spec_helper"
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

  it "O-03: requests that are no requests never reach Ruby, nor the handler (Puma's gets them)" do
    server = serve(app, files: { "config/puma.rb" => handler })
    answer = server.connect.request("nonsense\r\n\r\n")
    expect([answer.status, answer.body]).to eq([400, ""])
    expect(request(server.connect, "/").status).to eq(200)
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
