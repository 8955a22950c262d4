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

  def free_port = TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }

  def listening(server) = server.printed.scan(/Listening on (\S+)/).flatten

  it "5.1-7: listens on each loopback address in development, on all elsewhere, or where -b says" do
    @app.server("-p", "0") { |server| expect(listening(server)).to all(match(%r{\Ahttp://(127\.0\.0\.1|\[::1\]):\d+\z})).and include(/127/) }
    @app.server("-p", "0", env: { "RAILS_ENV" => "production" }) { |server| expect(listening(server)).to match([%r{\Ahttp://0\.0\.0\.0:\d+\z}]) }
    @app.server("-p", "0", "-b", "127.0.0.2") { |server| expect(listening(server)).to match([%r{\Ahttp://127\.0\.0\.2:\d+\z}]) }
  end

  it "B-08: listens on the Unix socket that -b names" do
    @app.server("-b", "#{@app.path}/tmp/s") do |server|
      expect(listening(server)).to eq(["unix://#{@app.path}/tmp/s"])
      socket = UNIXSocket.new("#{@app.path}/tmp/s")
      socket.write("GET /up HTTP/1.0\r\nhost: localhost\r\n\r\n")
      expect(socket.read).to start_with("HTTP/1.0 200")
    end
  end

  it "5.1-7: -p and -b beat the binds of config/puma.rb, which beat Rails' own defaults" do
    port = free_port
    @app.write("config/iodine_rs.rb" => "bind 'tcp://127.0.0.1:#{port}'\nthreads 1, 2\n")
    @app.server do |server|
      expect([server.port, server.printed]).to match([port, /Max threads: 2$/])
      # Rails would announce its own default for what config/puma.rb says.
      expect(server.printed.scan(%r{http://\S+})).to eq(["http://127.0.0.1:#{port}"])
    end
    @app.server("-p", "0") { |server| expect(server.port).not_to eq(port) }
  ensure
    FileUtils.rm_f("#{@app.path}/config/iodine_rs.rb")
  end

  it "5.1-5: -P names the pid file, and one that config/puma.rb names too is no obstacle" do
    @app.server("-p", "0", "-P", "tmp/mine.pid", env: { "PIDFILE" => "tmp/mine.pid" }) do |server|
      expect(File.read("#{@app.path}/tmp/mine.pid").to_i).to eq(server.pid)
    end
    expect(File.exist?("#{@app.path}/tmp/mine.pid")).to be(false)
  end

  it "5.6-1: -d serves in the background" do
    port = free_port
    @app.rails("server", "-d", "-p", port.to_s)
    pid = eventually(limit: 20) { written_pid("#{@app.path}/tmp/pids/server.pid") }
    eventually(limit: 20) { answers?(port) }
    expect(Http.get(port, "/up").status).to eq(200)
    Process.kill("TERM", pid)
    eventually { !File.exist?("#{@app.path}/tmp/pids/server.pid") }
    eventually { !File.exist?("/proc/#{pid}") }
  ensure
    Process.kill("KILL", pid) if pid && File.exist?("/proc/#{pid}")
  end

  # nil as long as nothing is in the file, which exists before: a signal to 0 is one to the specs themselves.
  def written_pid(path) = (Integer(File.read(path), exception: false) if File.exist?(path))

  def answers?(port)
    TCPSocket.new("127.0.0.1", port).close
    true
  rescue Errno::ECONNREFUSED
    false
  end

  %w[iodine_rs iodine-rs puma].each do |name|
    it "RR-02, RR-04: -u #{name} is this server" do
      @app.server("-p", "0", "-u", name) { |server| expect(server.printed).to include("=> Booting IodineRs", "iodine-rs starting") }
    end
  end

  it "RR-03: RACKUP_HANDLER names it" do
    @app.server("-p", "0", env: { "RACKUP_HANDLER" => "iodine_rs" }) { |server| expect(server.printed).to include("=> Booting IodineRs") }
  end

  describe "beside a Puma in the bundle" do
    before(:all) { @app.write("Gemfile" => Bundle.gemfile("rails", "sqlite3", "puma")) }
    after(:all) { @app.write("Gemfile" => Bundle.gemfile("rails", "sqlite3")) }

    it "RR-03, RR-13: leaves it to Puma, unless it is named" do
      @app.server("-p", "0") do |server|
        expect(server.printed).to include("=> Booting Puma", "Puma starting in single mode")
        # Puma loses a signal that comes before its thread has begun.
        expect(Http.get(server.port, "/up").status).to eq(200)
      end
      [[["-u", "iodine_rs"], {}], [[], { "RACKUP_HANDLER" => "iodine_rs" }]].each do |args, env|
        @app.server("-p", "0", *args, env:) { |server| expect(server.printed).to include("=> Booting IodineRs", "iodine-rs starting in single mode") }
      end
    end
  end
end
