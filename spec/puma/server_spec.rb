# frozen_string_literal: true

require "spec_helper"
require "tmpdir"
require "iodine_rs"

# The server that gems' specs and test tools start inside their own process.
RSpec.describe IodineRs::Puma::Server do
  after { @server&.stop(true) }

  def serving(app = ->(_env) { [200, {}, ["hello"]] }, events: nil, **options)
    @server = described_class.new(app, events, log_writer: IodineRs::Puma::LogWriter.strings, **options)
  end

  it "G-04: serves on a port and says which" do
    server = serving(min_threads: 1, max_threads: 4)
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    expect(server.run).to be_a(Thread)
    expect(server.connected_ports).to eq([port])
    expect(Http.get(port).body).to eq("hello")
    expect([server.max_threads, server.requests_count, server.backlog]).to eq([4, 1, 0])
  end

  it "G-04: serves on a Unix socket" do
    Dir.mktmpdir do |dir|
      server = serving
      server.add_unix_listener("#{dir}/s")
      server.run
      socket = UNIXSocket.new("#{dir}/s")
      socket.write("GET / HTTP/1.0\r\n\r\n")
      expect(socket.read).to end_with("hello")
      server.stop(true)
      expect(File.exist?("#{dir}/s")).to be(false)
    end
  end

  it "G-04: stop(true) finishes what has begun, and its thread ends" do
    inside, go = Thread::Queue.new, Thread::Queue.new
    server = serving(lambda { |_env|
      inside << true
      go.pop
      [200, {}, ["done"]]
    })
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    thread = server.run
    response = Thread.new { Http.get(port) }
    inside.pop
    stopping = Thread.new { server.stop(true) }
    eventually { server.shutting_down? }
    go << true
    expect(response.value.body).to eq("done")
    stopping.join
    expect(thread).not_to be_alive
    expect { TCPSocket.new("127.0.0.1", port) }.to raise_error(Errno::ECONNREFUSED)
  end

  it "G-04: halt ends it at once" do
    inside = Thread::Queue.new
    server = serving(lambda { |_env|
      inside << true
      sleep
    })
    port = server.add_tcp_listener("127.0.0.1", 0).addr[1]
    server.run
    RawSocket.new(port).write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    inside.pop
    server.halt(true)
    expect(server.thread).not_to be_alive
  end

  it "5.3: takes addresses from `binder.parse`, and tells its log" do
    server = serving
    server.binder.parse(["tcp://127.0.0.1:0"], server.log_writer)
    server.run
    expect(server.log_writer.stdout.string).to match(%r{\* Listening on http://127.0.0.1:\d+})
    expect(Http.get(server.connected_ports.first).body).to eq("hello")
  end

  it "G-03: tells its events" do
    states = []
    events = IodineRs::Puma::Events.new
    events.register(:state) { |state| states << state }
    server = serving(events:)
    server.add_tcp_listener("127.0.0.1", 0)
    server.run
    server.stop(true)
    expect(states).to eq(%i[booting running stop done])
  end

  it "leaves the signals to the program, and there may be several" do
    before = trap("INT", "DEFAULT").tap { |handler| trap("INT", handler) }
    servers = Array.new(2) { serving.tap { |server| server.add_tcp_listener("localhost", 0); server.run } }
    expect(servers.map { |server| Http.get(server.connected_ports.first).body }).to eq(%w[hello hello])
    expect(trap("INT", "DEFAULT").tap { |handler| trap("INT", handler) }).to eq(before)
  ensure
    servers&.each { |server| server.stop(true) }
  end
end
