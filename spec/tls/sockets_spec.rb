# frozen_string_literal: true

require "spec_helper"
require_relative "support/site"

RSpec.describe "B-04: encrypted sockets" do
  include Site

  hello = "run ->(_env) { [200, {}, ['hello']] }"

  it "B-05: stand beside others, each with its own env" do
    app = "run ->(env) { [200, {}, [env['rack.url_scheme']]] }"
    server = serve_tls(app, args: %w[-b tcp://127.0.0.1:0])
    plain = server.stdout[%r{Listening on http://127\.0\.0\.1:(\d+)}, 1].to_i
    expect([Http.get(plain).body, secure(server).request(get).body]).to eq(%w[http https])
  end

  it "D-16: a forced scheme is what the app sees" do
    server = serve_tls("run ->(env) { [200, {}, [env['rack.url_scheme'], env['HTTPS']]] }", args: %w[--set rack_url_scheme=http])
    expect(secure(server).request(get).body).to eq("httphttps")
  end

  it "S-05: are inherited by a hot restart" do
    server = serve_tls(hello)
    first = secure(server).ssl.peer_cert
    server.signal("USR2")
    eventually { server.stdout.scan("Use Ctrl-C to stop").size > 1 }
    expect(secure(server).ssl.peer_cert.to_der).to eq(first.to_der)
    expect(server.stdout).to include("* Inherited ssl://127.0.0.1:#{server.port}?cert=site.crt&key=site.key\n")
  end

  it "S-05: lose no request by it", limit: 120 do
    server = serve_tls(hello)
    statuses = Queue.new
    running = true
    clients = Array.new(2) { Thread.new { statuses << secure(server).then { |one| one.request(get, limit: 20).status.tap { one.close } } while running } }
    5.times do |n|
      server.signal("USR2")
      eventually { server.stdout.scan("Use Ctrl-C to stop").size > n + 1 }
    end
    running = false
    clients.each(&:join)
    expect(Array.new(statuses.size) { statuses.pop }.tally.keys).to eq([200])
  end

  [[], %w[--bind-to-activated-sockets only]].each do |more|
    it "B-06: are systemd's where there is one at that address (#{more.join(" ")})" do
      socket = TCPServer.new("127.0.0.1", 0)
      port = socket.local_address.ip_port
      Dir.mktmpdir do |dir|
        certificates.files.merge("config.ru" => hello).each { |name, text| File.write("#{dir}/#{name}", text) }
        program = 'ENV["LISTEN_PID"] = Process.pid.to_s; ENV["LISTEN_FDS"] = "1"; exec(*ARGV, 3 => 3, close_others: false)'
        root = File.expand_path("../..", __dir__)
        pid = Process.spawn(RbConfig.ruby, "-e", program, RbConfig.ruby, "-I#{root}/lib", "#{root}/exe/iodine-rs", "-b",
                            "ssl://127.0.0.1:#{port}?cert=site.crt&key=site.key", *more, chdir: dir, 3 => socket.fileno, %i[out err] => "#{dir}/log")
        eventually { File.read("#{dir}/log").include?("Use Ctrl-C") }
        expect(File.read("#{dir}/log")).to include("* Activated ssl://127.0.0.1:#{port}?")
        expect(TLSSocket.new(port, **trusting).request(get).body).to eq("hello")
      ensure
        Process.kill("INT", pid)
        Process.wait(pid)
      end
    end
  end


  it "has no certificate or key in --check" do
    config = "ssl_bind '127.0.0.1', 0, cert_pem: File.read('site.crt'), key_pem: File.read('site.key')"
    server = serve(hello, bind: nil, args: %w[--check], files: certificates.files.merge("config/puma.rb" => config), wait: false)
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(server.stdout).to match(%r{binds +\["ssl://127\.0\.0\.1:0"\]})
    expect(server.stdout).not_to include("PRIVATE KEY")
  end
end
