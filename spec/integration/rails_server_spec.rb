# frozen_string_literal: true

require "spec_helper"
require "fileutils"
require "open3"

# An app as `rails new` makes it; in its Gemfile stands iodine-rs where Puma stood.
RSpec.describe "bin/rails server" do
  root = File.expand_path("../..", __dir__)

  before(:all) do
    @folder = Dir.mktmpdir("iodine-rs-rails")
    @app = File.join(@folder, "blog")
    output, status = Open3.capture2e("rails", "new", @app, "--minimal", "--skip-asset-pipeline", "--skip-bundle", "--skip-git", "--quiet")
    raise output unless status.success?

    File.write("#{@app}/Gemfile", <<~RUBY)
      source Gem.sources.first.uri.to_s
      gem "rails"
      gem "sqlite3"
      gem "iodine-rs", path: #{root.dump}
    RUBY
  end

  after(:all) { FileUtils.rm_rf(@folder) }

  # Starts it; yields its port, its number and what it has printed so far, and ends it.
  def rails_server(*args, env: {})
    log = "#{@folder}/log"
    env = { "RUBYOPT" => nil, "RUBYLIB" => nil, "BUNDLE_GEMFILE" => nil, "RAILS_ENV" => "development", "RACK_ENV" => nil,
            "RACK_HANDLER" => nil, "PORT" => nil, **env }
    pid = Process.spawn(env, RbConfig.ruby, "bin/rails", "server", *args, chdir: @app, %i[out err] => [log, "w"])
    eventually(limit: 40) do
      raise File.read(log) if ended?(pid)

      File.read(log).include?("Use Ctrl-C")
    end
    yield File.read(log)[/Listening on http:\S+:(\d+)/, 1].to_i, pid, -> { File.read(log) }
  ensure
    if pid && !ended?(pid)
      Process.kill("INT", pid)
      Process.wait(pid)
    end
  end

  def ended?(pid)
    Process.wait(pid, Process::WNOHANG)
  rescue Errno::ECHILD
    true
  end

  it "RR-03, 5.1: picks iodine-rs, reads config/puma.rb and serves" do
    rails_server("-p", "0") do |port, _pid, printed|
      expect(printed.call).to match(/=> Booting IodineRs\n=> Rails \S+ application starting in development/)
      expect(printed.call).to include("iodine-rs starting in single mode", "*  Max threads: 3\n")
      expect(Http.get(port, "/up").status).to eq(200)
      expect(Http.get(port, "/").body).to include("Rails version")
      expect(File.exist?("#{@app}/tmp/pids/server.pid")).to be(true)
    end
    expect(File.exist?("#{@app}/tmp/pids/server.pid")).to be(false)
  end

  it "takes the port of config/puma.rb, unless one is typed" do
    port = TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }
    rails_server(env: { "PORT" => port.to_s }) do |listening, *|
      expect(listening).to eq(port)
      expect(Http.get(listening, "/up").status).to eq(200)
    end
  end

  it "serves from workers where WEB_CONCURRENCY asks for them" do
    rails_server("-p", "0", env: { "WEB_CONCURRENCY" => "2", "RAILS_ENV" => "production", "SECRET_KEY_BASE" => "x" * 64 }) do |port, _pid, printed|
      eventually(limit: 20) { printed.call.scan("booted in").size == 2 }
      # Production redirects to HTTPS.
      expect([200, 301]).to include(Http.get(port, "/up").status)
    end
  end

  it "RR-14: restarts by `bin/rails restart`" do
    rails_server("-p", "0") do |port, _pid, printed|
      Http.get(port, "/up")
      FileUtils.touch("#{@app}/tmp/restart.txt")
      eventually(limit: 40) { printed.call.scan("Use Ctrl-C").size == 2 }
      expect(printed.call).to include("* Restarting...")
      expect(Http.get(port, "/up", limit: 20).status).to eq(200)
    end
  end
end
