# frozen_string_literal: true

require "spec_helper"

# A client that has been silent for a second costs its socket and a timer: the server lets go of the parser's buffers.
RSpec.describe "idle keep-alive connections", :measures do
  # Fewer than a usual limit of open files.
  many = 800
  request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"

  before { @server = serve("run ->(_env) { [200, {}, ['here']] }", args: ["-t", "1:1"]) }
  after { @sockets&.each(&:close) }

  def server = @server

  def memory = File.read("/proc/#{server.pid}/smaps_rollup")[/^Anonymous:\s+(\d+)/, 1].to_i

  define_method(:ask) do |socket, times = 1|
    times.times { expect(socket.request(request).body).to eq("here") }
  end

  # Connections that have been answered once and rest.
  define_method(:resting) do
    # Ruby's heap and the allocators get the size that requests need.
    server.connect.tap { |socket| ask(socket, 900) }.close
    before = memory
    @sockets = Array.new(many) { server.connect.tap { |socket| ask(socket) } }
    eventually { memory - before < 3 * many }
    @sockets
  end

  it "keep less than 3 KiB each, and are answered when they speak again" do
    resting.each { |socket| ask(socket) }
  end

  it "may begin a request and finish it later" do
    sockets = resting.first(10)
    sockets.each { |socket| socket.write(request[0, 9]) }
    sockets.each { |socket| socket.write(request[9..]) }
    expect(sockets.map { |socket| socket.read_response.body }).to all(eq("here"))
  end

  it "do not delay the end of the server" do
    resting
    started = Eventually.now
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(Eventually.now - started).to be < 2
  end
end
