# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# F22: an app that lays hands on threads that are not its own. A worker lives on or is replaced; a single process lives on
# or ends, so that whoever supervises it can begin anew. What must not be is a server that listens and does not answer.
RSpec.describe "An app that lays hands on all threads" do
  app = <<~'RUBY'
    run lambda { |env|
      others = Thread.list - [Thread.current]
      case env["PATH_INFO"]
      when "/kill" then (others - [Thread.main]).each(&:kill)
      when "/raise" then (others - [Thread.main]).each { |thread| thread.raise("from an app") }
      when "/main" then Thread.main.raise("from an app")
      when "/exit" then Thread.main.kill
      end
      [200, {}, [Process.pid.to_s]]
    }
  RUBY

  def ask(server, path)
    server.connect.write("GET #{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").read_to_end
  rescue SystemCallError
    # The process may end before it answers.
  end

  # An answer within the limit, however often one has to ask.
  def answered?(server) = eventually { Http.get(server, "/").status == 200 rescue nil }

  %w[/kill /raise /main /exit].each do |path|
    it "F22: goes on in a cluster after #{path}" do
      server = cluster(app, workers: 1, args: %w[-t 3:3])
      3.times do
        ask(server, path)
        expect(answered?(server)).to be_truthy
      end
      expect(server).to be_alive
    end
  end

  it "F22: goes on in a single process after /exit" do
    server = serve(app, args: %w[-t 3:3])
    ask(server, "/exit")
    expect(Http.get(server, "/").body).to eq(server.pid.to_s)
  end

  %w[/kill /raise /main].each do |path|
    it "F22: ends a single process by #{path}, not with success" do
      server = serve(app, args: %w[-t 3:3])
      ask(server, path)
      expect(server.wait_exit.exitstatus).to eq(1)
      expect(server.stderr).to match(/has ended without being told to|from an app/)
    end
  end
end
