# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# Configurations in the style of well-known apps, written anew after what these do in public.
RSpec.describe "The file of an app like" do
  folder = File.expand_path("apps", __dir__)
  plugins = File.expand_path("../support/plugins", __dir__)
  hello = 'run ->(env) { env["PATH_INFO"] == "/boom" ? raise("boom") : [200, {}, ["hello from #{env["rack.url_scheme"]}"]] }'
  folders = %w[tmp/pids/.keep tmp/sockets/.keep log/.keep].to_h { |path| [path, ""] }
  # Variables, and files beside the usual ones.
  needs = {
    "campfire" => [{ "SOLID_QUEUE_IN_PUMA" => "true" }], "fizzy" => [{ "SOLID_QUEUE_IN_PUMA" => "1", "PIDFILE" => "tmp/pids/x.pid" }],
    "docuseal" => [{ "LOCAL_REDIS" => "1" }, { "lib/puma/plugin/redis_server.rb" => <<~'RUBY' }],
      require "puma/plugin"
      Puma::Plugin.create do
        def start(launcher)
          launcher.events.on_booted { launcher.log_writer.log("redis for #{Puma::Const::VERSION}") }
        end
      end
    RUBY
    "gumroad" => [{}, { "lib/settings.rb" => "SETTINGS = { threads: 2 }" }]
  }
  names = Dir.children(folder).map { |name| File.basename(name, ".rb") }.sort

  define_method(:started) do |name, *args|
    env, files = needs.fetch(name, [{}])
    serve(hello, bind: nil, wait: false, args: ["-I", "lib:#{plugins}", *args], env: { "PORT" => "0", "RAILS_ENV" => "production", **env },
                 files: { "config/puma.rb" => File.read("#{folder}/#{name}.rb"), **folders, **files.to_h })
  end

  # Also what has been redirected.
  def printed(server) = server.stdout + Dir.glob("#{server.dir}/log/*.log").map { |path| File.read(path) }.join

  def await_boot(server)
    eventually(limit: 20) do
      text = printed(server)
      raise server.output unless server.alive?

      text.include?("Use Ctrl-C") && text.scan(/Worker \d+ \(PID: \d+\) booted/).size >= text[/Workers: (\d+)/, 1].to_i
    end
  end

  def body(server, path = "/")
    text = printed(server)
    port = text[%r{Listening on http://\S+?:(\d+)}, 1] and return Http.get(port.to_i, path).body
    socket = UNIXSocket.new("#{server.dir}/#{text[%r{Listening on unix://\S*?/app/(\S+)}, 1]}")
    socket.write("GET #{path} HTTP/1.0\r\n\r\n")
    socket.read.split("\r\n\r\n", 2).last
  end

  names.each do |name|
    it "#{name} passes --check" do
      server = started(name, "--check")
      expect([server.wait_exit.exitstatus, server.stderr]).to eq([0, ""])
      expect(server.stdout).to match(/^max_threads +\d+ /)
    end

    it "#{name} boots, serves and ends" do
      server = started(name)
      await_boot(server)
      expect(body(server)).to eq("hello from #{name == "login" ? "https" : "http"}")
      server.signal("INT")
      expect(server.wait_exit.exitstatus).to eq(0)
    end
  end

  it "gitlab and feedbin answers in its own way what goes wrong" do
    server = started("gitlab")
    await_boot(server)
    expect(body(server, "/boom")).to eq("An error has occurred (RuntimeError at /boom)\n")
    expect(printed(server)).to match(/^{"timestamp":"[^"]+","pid":\d+,"message":"- Worker 0/).and include("2 workers")
    feedbin = started("feedbin")
    await_boot(feedbin)
    expect(body(feedbin, "/boom")).to eq("<h1>We have been told.</h1>")
  end

  it "are these, among others: #{names.join(", ")}" do
    expect(names.size).to be >= 15
  end
end
