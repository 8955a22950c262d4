# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# Workers whose threads are busy leave connections in the kernel, where a stop finds them.
RSpec.describe "Connections that wait in the kernel when a server stops" do
  def crowded(*args)
    server = cluster(ClusterMethods::WAITING, workers: 1, args: ["-t", "1:1", *args])
    busy = waiting_request(server)
    late = Array.new(3) { server.connect.tap { |socket| socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n") } }
    server.signal("TERM")
    server.wait_for_stdout(/- Gracefully/)
    [server, busy, late]
  end

  it "D-24: are served with drain_on_shutdown" do
    server, busy, late = crowded("--set", "drain_on_shutdown=true")
    # The worker has taken them once it refuses others.
    eventually { refused?(server.port) }
    let_go(server)
    expect([busy, *late].map { |socket| socket.read_response.then { |response| [response.status, response.close?] } })
      .to eq([[200, true]] * 4)
    server.wait_exit
  end

  it "D-24: are reset without it" do
    server, busy, late = crowded
    eventually { late.all?(&:closed?) }
    let_go(server)
    expect(busy.read_response.status).to eq(200)
    server.wait_exit
  end
end
