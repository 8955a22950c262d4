# frozen_string_literal: true

require "spec_helper"
require_relative "support/clients"
require_relative "support/gate"

RSpec.describe "R-14 What follows a response" do
  include Clients

  bodies = {
    "Array" => '["whole"]',
    "BodyProxy" => 'Rack::BodyProxy.new(["whole"]) {}',
    "each" => 'Enumerator.new { |y| y << "who" << "le" }',
    "callable" => '->(stream) { stream.write("who"); stream << "le"; stream.close }',
    "file" => 'Struct.new(:to_path).new("whole.txt")'
  }
  steps = {
    "close" => "def body.close = File.read('gate')",
    "after_reply" => 'env["rack.after_reply"] << -> { File.read("gate") }',
    "response_finished" => 'env["rack.response_finished"] << ->(*) { File.read("gate") }'
  }

  bodies.to_a.product(steps.to_a).each do |(kind, body), (step, hold)|
    it "#{kind}: the client has all of it before #{step} returns" do
      server = serve("require 'rack'\nrun ->(env) { body = #{body}; #{hold}; [200, {}, body] }", files: { "whole.txt" => "whole" })
      gate = Gate.new(server)
      sock = server.connect
      expect(sock.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").body).to eq "whole"
      gate.open
      sock.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      expect(sock.read_response.body).to eq "whole"
      gate.open
    end
  end

  it "a client that vanished while the app ran does not keep them from running" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      seen = []
      run lambda { |env|
        next [200, {}, [seen.join(" ")]] if env["PATH_INFO"] == "/seen"

        env["rack.after_reply"] << -> { seen << "replied" }
        env["rack.response_finished"] << ->(_, status, *) { seen << "finished" }
        body = ["x" * 10_000_000]
        def body.close = SEEN_CLOSE.call
        SEEN_CLOSE = -> { seen << "closed" }
        File.read("gate")
        [200, {}, body]
      }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    gate.reached
    sock.reset
    gate.open
    eventually { Http.get(server, "/seen").body == "closed replied finished" }
  end

  it "a client that vanished in the middle of an each body is reported as the error" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      seen = []
      run lambda { |env|
        next [200, {}, [seen.join(" ")]] if env["PATH_INFO"] == "/seen"

        env["rack.response_finished"] << ->(_, status, _, error) { seen << status << error.is_a?(Exception) }
        [200, {}, Enumerator.new { |y| y << "first"; File.read("gate"); loop { y << "x" * 65_536 } }]
      }
    RUBY
    gate = Gate.new(server)
    sock = server.connect.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    sock.read_until("first")
    gate.reached
    sock.reset
    gate.open
    eventually { Http.get(server, "/seen").body == "200 true" }
  end

  it "callbacks of one request never run for another" do
    server = serve(<<~'RUBY', args: %w[-t 5:5])
      finished = Thread::Queue.new
      run lambda { |env|
        next [200, {}, [finished.size.to_s, " ", Array.new(finished.size) { finished.pop }.uniq.size.to_s]] if env["PATH_INFO"] == "/finished"

        env["rack.response_finished"] << ->(inner, *) { finished << (inner.equal?(env) ? env["QUERY_STRING"] : "foreign") }
        [200, {}, [env["QUERY_STRING"]]]
      }
    RUBY
    own = clients(8) do |client|
      sock = server.connect
      Array.new(50) { |i| sock.request("GET /?#{client}-#{i} HTTP/1.1\r\nHost: x\r\n\r\n").body == "#{client}-#{i}" }.all?
    end
    expect(own).to all(be true)
    total = 0
    eventually { (total += Http.get(server, "/finished").body.to_i) == 400 }
  end

  {
    "while the body is made" => 'Enumerator.new { |y| y << "a"; env["rack.after_reply"] << -> { seen << "after_reply" }; env["rack.response_finished"] << ->(*) { seen << "finished" } }',
    "in place of the server's lists" => 'env["rack.after_reply"] = [-> { seen << "after_reply" }]; env["rack.response_finished"] = [->(*) { seen << "finished" }]; ["a"]'
  }.each do |name, body|
    it "those registered #{name} run too" do
      server = serve(<<~RUBY)
        seen = []
        run ->(env) { env["PATH_INFO"] == "/seen" ? [200, {}, [seen.join(" ")]] : [200, {}, (#{body})] }
      RUBY
      expect(Http.get(server, "/").body).to eq "a"
      eventually { Http.get(server, "/seen").body == "after_reply finished" }
    end
  end

  it "they may use the thread's own variables set by the app, as Rails does" do
    server = serve(<<~'RUBY')
      SEEN = Thread::Queue.new
      run lambda { |env|
        next [200, {}, [SEEN.pop.inspect]] if env["PATH_INFO"] == "/seen"

        Thread.current[:fiber_local] = 1
        Thread.current.thread_variable_set(:thread_local, 2)
        Fiber[:inherited] = 3
        env["rack.response_finished"] << ->(*) { SEEN << [Thread.current[:fiber_local], Thread.current.thread_variable_get(:thread_local), Fiber[:inherited]] }
        [200, {}, Enumerator.new { |y| y << "a" }]
      }
    RUBY
    3.times do
      expect(Http.get(server, "/").body).to eq "a"
      expect(Http.get(server, "/seen").body).to eq "[1, 2, 3]"
    end
  end
end
