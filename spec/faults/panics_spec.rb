# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/websocket_client"

# F24: a panic in Rust. `rake panics` runs these with an extension that can be asked for one.
RSpec.describe "A panic of ours", if: ENV["PANICS"] == "1" do
  app = <<~'RUBY'
    module Handler
      def self.on_message(client, data)
        IodineRs::Panics.now if data == "now"
        IodineRs::Panics.at_next_job if data == "next"
        client.write(data)
      end

      def self.on_close(_client) = puts("closed")
    end
    $stdout.sync = true
    run lambda { |env|
      env["rack.upgrade"] = Handler if env["rack.upgrade?"]
      case env["PATH_INFO"]
      when "/now" then IodineRs::Panics.now
      when "/next" then IodineRs::Panics.at_next_job
      when "/each" then next [200, {}, Enumerator.new { |y| y << "part"; IodineRs::Panics.now }]
      when "/stream" then next [200, {}, ->(stream) { stream.write("part"); IodineRs::Panics.now }]
      when "/late" then env["rack.after_reply"] << -> { IodineRs::Panics.now }
      end
      [200, {}, [Process.pid.to_s]]
    }
  RUBY

  let(:server) { serve(app, args: %w[-t 1:1]) }

  def get(path) = "GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n"

  # Served as before, by the same process.
  def expect_service = 3.times { expect(Http.get(server).body).to eq(server.pid.to_s) }

  it "F24: in a request is its 500, a line in the log, and the only thread is replaced" do
    3.times do
      bystander = WebSocketClient.new(server)
      Http.get(server, "/next")
      expect(Http.get(server).status).to eq(500)
      expect_service
      expect(bystander.ask("still here")).to eq("still here")
    end
    server.wait_for_stderr(/as intended, in a job.*please report this/m)
  end

  it "F24: in a callback ends nothing but that callback" do
    client = WebSocketClient.new(server)
    other = WebSocketClient.new(server)
    expect(client.ask("next")).to eq("next")
    client.text("lost")
    expect_service
    expect(other.ask("still here")).to eq("still here")
    client.close
    server.wait_for_stdout(/closed/)
  end

  { "/now" => /\AHTTP\/1.1 500/, "/each" => /\r\n4\r\npart\r\n\z/, "/stream" => /\r\n4\r\npart\r\n\z/, "/late" => /\AHTTP\/1.1 200/ }.each do |path, bytes|
    it "F24: in a method that the app has called is an exception for it (#{path})" do
      3.times do
        expect(server.connect.write(get(path).sub("Host", "Connection: close\r\nHost")).read_to_end).to match(bytes)
        expect_service
      end
    end
  end

  it "F24: in a method that a callback has called is that callback's exception" do
    client = WebSocketClient.new(server)
    client.text("now")
    expect(client.ask("on")).to eq("on")
    expect_service
  end

  it "F24: in a worker of a cluster leaves the others alone" do
    cluster = cluster(app, args: %w[-t 1:1])
    %w[/now /next / /].cycle.first(20).each { |path| expect(Http.get(cluster, path).status).to eq(200).or eq(500) }
    10.times { eventually { Http.get(cluster).status == 200 } }
    expect(booted(cluster).size).to eq(2)
  end
end
