# frozen_string_literal: true

require "spec_helper"
require_relative "../support/rails_app"

RSpec.describe "bin/rails server" do
  before(:all) { @app = RailsApp.new("--minimal") }
  after(:all) { @app.remove }

  it "RR-03, 5.1: picks iodine-rs, reads config/puma.rb and serves" do
    @app.server("-p", "0") do |server|
      expect(server.printed).to match(/=> Booting IodineRs\n=> Rails \S+ application starting in development/)
      expect(server.printed).to include("iodine-rs starting in single mode", "*  Max threads: 3\n")
      expect(Http.get(server.port, "/up").status).to eq(200)
      expect(Http.get(server.port, "/").body).to include("Rails version")
      expect(File.exist?("#{@app.path}/tmp/pids/server.pid")).to be(true)
    end
    expect(File.exist?("#{@app.path}/tmp/pids/server.pid")).to be(false)
  end

  it "takes the port of config/puma.rb, unless one is typed" do
    port = TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }
    @app.server(env: { "PORT" => port.to_s }) do |server|
      expect(server.port).to eq(port)
      expect(Http.get(server.port, "/up").status).to eq(200)
    end
  end

  it "serves from workers where WEB_CONCURRENCY asks for them" do
    @app.server("-p", "0", env: { "WEB_CONCURRENCY" => "2", "RAILS_ENV" => "production" }) do |server|
      eventually(limit: 20) { server.printed.scan("booted in").size == 2 }
      # Production redirects to HTTPS.
      expect([200, 301]).to include(Http.get(server.port, "/up").status)
    end
  end

  it "RR-14: restarts by `bin/rails restart`" do
    @app.server("-p", "0") do |server|
      Http.get(server.port, "/up")
      FileUtils.touch("#{@app.path}/tmp/restart.txt")
      eventually(limit: 40) { server.printed.scan("Use Ctrl-C").size == 2 }
      expect(server.printed).to include("* Restarting...")
      expect(Http.get(server.port, "/up", limit: 20).status).to eq(200)
    end
  end
end
