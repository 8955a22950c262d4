# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "The hook out_of_band" do
  app = <<~'RUBY'
    run lambda { |env|
      if env["PATH_INFO"] == "/wait"
        puts "waiting"
        sleep 0.01 until File.exist?("go")
      end
      puts "served"
      [200, {}, [Process.pid.to_s]]
    }
  RUBY

  def with_hook(app, block, mode, **)
    server = serve(app, args: mode, files: { "config/iodine_rs.rb" => "out_of_band { #{block} }" }, **)
    mode.include?("-w") ? server.tap { await_workers(server, mode[mode.index("-w") + 1].to_i) } : server
  end

  { "single" => [], "cluster" => %w[-w 1] }.each do |name, mode|
    it "D-82: runs after a request, when none is in flight (#{name})" do
      server = with_hook(app, 'puts "between"', mode)
      waiting = waiting_request(server)
      3.times { Http.get(server) }
      expect(server.stdout).not_to include("between")
      let_go(server)
      expect(waiting.read_response.status).to eq(200)
      server.wait_for_stdout(/between/)
      expect(server.stdout).to match(/(served\n){4}between\n\z/)
    end

    it "D-82: begins no request meanwhile, and does not hold back the response before (#{name})" do
      server = with_hook(app, 'puts "begins"; sleep 0.01 until File.exist?("go"); puts "ends"', mode)
      expect(Http.get(server).status).to eq(200)
      server.wait_for_stdout(/begins/)
      socket = server.connect
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
      expect(socket).to be_silent
      let_go(server)
      expect(socket.read_response.status).to eq(200)
      expect(server.stdout).to match(/served\nbegins\nends\nserved\n/)
    end

    it "D-82: may fail (#{name})" do
      server = with_hook(app, "raise 'no way'", mode)
      2.times { expect(Http.get(server).status).to eq(200) }
      server.wait_for_stdout(/WARNING hook out_of_band failed with exception \(RuntimeError\) no way/)
    end
  end

  it "D-82: leaves connections to other workers" do
    server = with_hook(app, 'puts "begins in #{Process.pid}"; sleep 0.01 until File.exist?("go")', %w[-w 2 -t 1:5])
    first = Http.get(server).body
    server.wait_for_stdout(/begins in #{first}/)
    expect(Http.get(server).body).not_to eq(first)
    let_go(server)
  end

  it "is not called before there was a request" do
    server = with_hook(app, 'puts "between"', [])
    expect(server.connect).to be_silent
    expect(server.stdout).not_to include("between")
  end
end
