# frozen_string_literal: true

require "spec_helper"
require_relative "support/clients"
require_relative "support/gate"
require_relative "support/timing"
require_relative "support/uploads"

RSpec.describe "Requests side by side" do
  include Clients
  include Timing
  include Uploads

  def get(path = "/") = "GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n"

  counting = <<~'RUBY'
    LOCK = Mutex.new
    COUNT = { now: 0, most: 0 }
    run lambda { |env|
      next [200, {}, [COUNT[:most].to_s]] if env["PATH_INFO"] == "/most"

      LOCK.synchronize { COUNT[:most] = [COUNT[:most], COUNT[:now] += 1].max }
      begin
        env["PATH_INFO"] == "/wait" ? File.read(env["QUERY_STRING"]) : sleep(0.02)
      ensure
        LOCK.synchronize { COUNT[:now] -= 1 }
      end
      [200, {}, ["done"]]
    }
  RUBY

  { "1:1" => 1, "5:5" => 5, "0:3" => 3, "4" => 4 }.each do |threads, most|
    it "-t #{threads} runs #{most} app.call at once and never more" do
      server = serve(counting, args: ["-t", threads])
      gates = Array.new(most + 3) { |i| Gate.new(server, "gate#{i}") }
      socks = Array.new(most + 3) { |i| server.connect.write(get("/wait?gate#{i}")) }
      gates.first(most).each(&:reached)
      let_server_look_around(server)
      expect { gates[most].reached(limit: 0.2) }.to raise_error(Eventually::TimeUp)
      gates.each(&:open)
      expect(socks.map { |sock| sock.read_response.body }).to all eq("done")
      expect(Http.get(server, "/most").body).to eq most.to_s
    end
  end

  it "-t 1:5 grows to five threads under load and goes back to one" do
    server = serve('run ->(env) { File.read(env["QUERY_STRING"]) if env["PATH_INFO"] == "/wait"; [200, {}, [Thread.list.size.to_s]] }',
                   args: %w[-t 1:5 --set thread_idle_timeout=1])
    threads = -> { Http.get(server, "/").body.to_i }
    before = threads.call
    gates = Array.new(5) { |i| Gate.new(server, "gate#{i}") }
    socks = Array.new(5) { |i| server.connect.write(get("/wait?gate#{i}")) }
    gates.each(&:reached).each(&:open)
    expect(socks.map { |sock| sock.read_response.body.to_i }.max).to be >= before + 4
    # Asking keeps threads busy: ask after a pause longer than thread_idle_timeout.
    quiet = server.connect
    eventually { quiet.silent?(1.3) && threads.call <= before }
  end

  it "-t 5:5 under a storm of 40 clients runs five at once, never more, and answers everybody" do
    server = serve(counting, args: %w[-t 5:5])
    done = clients(40) do
      sock = server.connect
      Array.new(10) { sock.request(get, limit: 20).body }.count("done")
    end
    expect(done.sum).to eq 400
    expect(Http.get(server, "/most").body).to eq "5"
  end

  describe "with the only thread busy" do
    let(:server) do
      serve(<<~'RUBY', args: %w[-t 1:1])
        run lambda { |env|
          File.read("gate") if env["PATH_INFO"] == "/hold"
          [200, {}, [env["rack.input"].read.bytesize.to_s]]
        }
      RUBY
    end

    it "another connection's upload is read, and answered as soon as the thread is free" do
      gate = Gate.new(server)
      holder = server.connect.write(get("/hold"))
      gate.reached
      sock = server.connect.write(upload("/", "b" * 40_000_000), limit: 20)
      gate.open
      expect(holder.read_response.status).to eq 200
      expect(sock.read_response.body).to eq "40000000"
    end

    it "connections are accepted, bad requests refused, idle ones noticed" do
      gate = Gate.new(server)
      holder = server.connect.write(get("/hold"))
      gate.reached
      expect(seconds { 20.times { let_server_look_around(server) } }).to be < 2
      gate.open
      expect(holder.read_response.status).to eq 200
    end
  end

  burning = <<~'RUBY'
    now = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
    run lambda { |env|
      if env["PATH_INFO"] == "/burn"
        ending = now.call + env["QUERY_STRING"].to_f
        nil while now.call < ending
      end
      [200, {}, ["done"]]
    }
  RUBY

  it "while a request burns CPU, bad requests of others are refused at once", :alone do
    server = serve(burning, args: %w[-t 1:1])
    Http.get(server, "/")
    burner = server.connect.write(get("/burn?1.5"))
    expect(burner).to be_silent(0.1)
    expect(seconds { let_server_look_around(server) }).to be < 0.5
    expect(burner).to be_silent(0)
    expect(burner.read_response.body).to eq "done"
  end

  it "while one thread burns CPU for 200 ms again and again, others are answered as soon as the GVL allows", :alone do
    server = serve(burning, args: %w[-t 5:5])
    times = clients(2) do |i|
      sock = server.connect
      next Array.new(15) { sock.request(get("/burn?0.2")).status } if i.zero?

      Array.new(12) { seconds { expect(sock.request(get).body).to eq "done" } }
    end.last
    # A Ruby thread is asked for the GVL after 100 ms.
    expect(median(times)).to be < 0.2
    expect(times.max).to be < 0.6
  end

  it "a thousand quick requests on twenty connections are all answered in order" do
    server = serve('run ->(env) { [200, {}, [env["QUERY_STRING"]]] }', args: %w[-t 0:5])
    in_order = clients(20) do |client|
      sock = server.connect
      sock.write(Array.new(50) { |i| get("/?#{client}-#{i}") }.join)
      Array.new(50) { |i| sock.read_response(limit: 20).body == "#{client}-#{i}" }.all?
    end
    expect(in_order).to all(be true)
  end

  describe "interrupts in the app" do
    table = {
      "Timeout around sleep" => "Timeout.timeout(0.05) { sleep }",
      "Timeout around a queue" => "Timeout.timeout(0.05) { Thread::Queue.new.pop }",
      "Timeout around a read" => "Timeout.timeout(0.05) { IO.pipe.first.read }",
      "Timeout around a burning loop" => "Timeout.timeout(0.05) { loop {} }",
      "Thread#raise from another thread" => "me = Thread.current; Thread.new { me.raise(Timeout::Error) }; sleep"
    }

    table.each do |name, code|
      it "#{name} is rescued where it happens, twenty times in a row" do
        server = serve("require 'timeout'\nrun ->(env) { begin; #{code}; rescue Timeout::Error; [200, {}, ['in time']]; end }", args: %w[-t 2:2])
        sock = server.connect
        expect(Array.new(20) { sock.request(get).body }).to all eq("in time")
      end
    end

    { "Thread#raise" => 'raise("shot while idle")', "Thread#kill" => "kill" }.each do |name, shot|
      it "#{name} on an idle pool thread does not cost the server its threads" do
        server = serve(<<~RUBY, args: %w[-t 2:2])
          POOL = {}
          run lambda { |env|
            POOL[Thread.current] = true
            case env["PATH_INFO"]
            when "/hold" then File.read(env["QUERY_STRING"])
            when "/shoot"
              others = POOL.keys.select(&:alive?) - [Thread.current]
              others.each { |thread| thread.#{shot} }
              # The shot has landed before anything else happens; what it does to the thread is the server's business.
              others.each { |thread| thread.join(2) rescue nil }
            end
            [200, {}, ["alive"]]
          }
        RUBY
        gates = Array.new(2) { |i| Gate.new(server, "gate#{i}") }
        3.times do
          held = Array.new(2) { |i| server.connect.write(get("/hold?gate#{i}")) }
          gates.each(&:reached).each(&:open)
          expect(held.map { |sock| sock.read_response.body }).to all eq("alive")
          expect(Http.get(server, "/shoot").body).to eq "alive"
        end
      end
    end
  end
end
