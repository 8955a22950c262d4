# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"
require_relative "../support/cluster"

RSpec.describe "A hot restart" do
  # The answer changes with the file, as a deployment would.
  app = <<~'RUBY'
    VERSION = File.read("version")
    run lambda { |env|
      if env["PATH_INFO"] == "/wait"
        puts "waiting"
        sleep 0.01 until File.exist?("go")
      end
      [200, {}, ["#{VERSION} #{Process.pid}"]]
    }
  RUBY

  def restarted(server, times = 1) = eventually { server.stdout.scan("Use Ctrl-C to stop").size > times }
  def deploy(server) = File.write("#{server.dir}/version", "new")

  { "one process" => [], "a cluster" => %w[-w 2], "a cluster without preloading" => %w[-w 2 --set preload_app=false] }.each do |name, args|
    it "S-05, V-09: keeps port and process, and loads the new code (#{name})" do
      server = serve(app, args:, files: { "version" => "old" })
      expect(Http.get(server).body).to start_with("old")
      deploy(server)
      server.signal("USR2")
      restarted(server)
      expect(Http.get(server).body).to start_with("new")
      expect(server.stdout).to include("* Restarting...\n", "* Inherited tcp://127.0.0.1:#{server.port}\n")
      expect(server.alive?).to be(true)
    end

    it "loses no request, ten times (#{name})", limit: 120 do
      server = serve(app, args:, files: { "version" => "old" })
      statuses = Queue.new
      running = true
      clients = Array.new(2) { Thread.new { statuses << Http.get(server, "/", limit: 20).status while running } }
      10.times do |n|
        server.signal("USR2")
        restarted(server, n + 1)
      end
      running = false
      clients.each(&:join)
      expect(Array.new(statuses.size) { statuses.pop }.tally.keys).to eq([200])
    end
  end

  it "S-05: begins in the environment that the server was started with" do
    keeping = 'ENV["SECRET"] ||= rand.to_s; ENV["FROM_OUTSIDE"] = "changed"; run ->(_) { [200, {}, [ENV["SECRET"]]] }'
    server = serve("puts 'is ' + ENV['FROM_OUTSIDE']\n#{keeping}", env: { "FROM_OUTSIDE" => "given" })
    first = Http.get(server).body
    server.signal("USR2")
    restarted(server)
    expect(Http.get(server).body).not_to eq(first)
    expect(server.stdout.scan(/^is .*/)).to eq(["is given"] * 2)
  end

  it "begins in the directory that the server was started in: --dir counts from there again" do
    server = ServerProcess.start(files: { "sub/config.ru" => "run ->(_) { [200, {}, [Dir.pwd]] }" }, args: %w[--dir sub])
    server.signal("USR2")
    restarted(server)
    expect(Http.get(server).body).to eq(File.realpath("#{server.dir}/sub"))
  ensure
    server&.stop
  end

  it "goes on in the environment that before_restart leaves, as deployments name the new release's Gemfile" do
    config = 'before_restart { ENV["BUNDLE_GEMFILE"] = "#{Dir.pwd}/new/Gemfile" }'
    server = serve('puts "bundle #{ENV["BUNDLE_GEMFILE"]}."; run ->(_) { [200, {}, []] }', files: { "config/puma.rb" => config })
    server.signal("USR2")
    restarted(server)
    expect(server.stdout.scan(/^bundle .*/)).to eq(["bundle .", "bundle #{File.realpath(server.dir)}/new/Gemfile."])
  end

  # A release that brings its own copy of the gem, in a version of that number.
  def release(folder, version)
    FileUtils.mkdir_p(folder)
    %w[lib exe].each { |part| FileUtils.cp_r("#{Bundle::ROOT}/#{part}", folder) }
    File.write("#{folder}/iodine-rs.gemspec", <<~RUBY)
      Gem::Specification.new("iodine-rs", "#{version}") do |spec|
        spec.authors, spec.summary = ["x"], "x"
        spec.add_dependency "rack"
      end
    RUBY
    File.write("#{folder}/Gemfile", "source Gem.sources.first.uri.to_s\ngem 'iodine-rs', path: '.'")
  end

  # Yields the directory of releases "1" and "2", whose apps tell what was loaded of the server. A link names the first.
  def releases
    Dir.mktmpdir do |home|
      %w[1 2].each do |version|
        release("#{home}/#{version}", version)
        File.write("#{home}/#{version}/config.ru", <<~'RUBY')
          run ->(_env) { [200, {}, $LOADED_FEATURES.grep(%r{/iodine_rs/(?:server.rb|iodine_rs.so)$}).map { |path| "#{path}\n" }] }
        RUBY
      end
      File.symlink("1", "#{home}/current")
      yield File.realpath(home)
    end
  end

  # The server of that directory, as `bundle exec` starts it: by its real path, in the directory of the link.
  def bundled(home)
    serve("#{home}/current/config.ru", under: ["sh", "-c", "cd #{home}/current && exec \"$@\"", "sh"],
                                       command: [RbConfig.ruby, "-rbundler/setup", "#{home}/1/exe/iodine-rs"],
                                       env: { **Bundle::CLEAN, "BUNDLE_GEMFILE" => nil })
  end

  def point_to_next(home)
    File.unlink("#{home}/current")
    File.symlink("2", "#{home}/current")
  end

  def loaded(server) = Http.get(server).body.lines(chomp: true)
  def files(folder) = contain_exactly("#{folder}/lib/iodine_rs/server.rb", "#{folder}/lib/iodine_rs/iodine_rs.so")

  it "V-05, V-15: takes the server itself from the new release, too, as its Gemfile says" do
    releases do |home|
      server = bundled(home)
      expect(loaded(server)).to files("#{home}/1")
      point_to_next(home)
      server.signal("USR2")
      restarted(server)
      expect(loaded(server)).to files("#{home}/2")
    end
  end

  it "V-05: needs nothing of a release that a deployment has removed" do
    releases do |home|
      server = bundled(home)
      point_to_next(home)
      FileUtils.rm_rf("#{home}/1")
      server.signal("USR2")
      restarted(server)
      expect(loaded(server)).to files("#{home}/2")
    end
  end

  it "keeps the directories of the app that Ruby was given for its load path, as Puma keeps lib" do
    server = serve('require "own"; run ->(_env) { [200, {}, [OWN]] }',
                   command: [RbConfig.ruby, "-I#{Bundle::ROOT}/lib", "-Ilib", "-Iapp/parts", "#{Bundle::ROOT}/exe/iodine-rs"],
                   files: { "lib/own.rb" => "require 'part'; OWN = PART", "app/parts/part.rb" => "PART = 'one'" })
    expect(Http.get(server).body).to eq("one")
    File.write("#{server.dir}/app/parts/part.rb", "PART = 'two'")
    server.signal("USR2")
    restarted(server)
    expect(Http.get(server).body).to eq("two")
  end

  # A Gemfile in a directory above is found by bundler/setup; where there is none, it defines no more than its name.
  it "keeps RUBYOPT, and Bundler where it is loaded but has no Gemfile" do
    server = serve(app, files: { "version" => "old" }, env: { "RUBYOPT" => "-W1 -rbundler/setup", "BUNDLE_GEMFILE" => nil })
    server.signal("USR2")
    restarted(server)
    server.signal("USR2")
    restarted(server, 2)
    expect(File.read("/proc/#{server.pid}/environ").split("\0")).to include("RUBYOPT=-W1 -rbundler/setup")
  end

  it "finishes what has begun" do
    server = serve(app, files: { "version" => "old" })
    socket = server.connect
    socket.write("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
    server.wait_for_stdout(/waiting/)
    server.signal("USR2")
    server.wait_for_stdout(/Gracefully/)
    waiting = server.connect
    waiting.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    File.write("#{server.dir}/go", "")
    expect(socket.read_response.body).to start_with("old")
    expect(waiting.read_response.status).to eq(200)
  end

  it "S-05, B-02: keeps a Unix socket" do
    server = serve(app, bind: "unix://app.sock", files: { "version" => "old" })
    server.signal("USR2")
    restarted(server)
    socket = UNIXSocket.new("#{server.dir}/app.sock")
    socket.write("GET / HTTP/1.0\r\n\r\n")
    expect(socket.read).to match(/\AHTTP\/1.\d 200/)
    server.signal("INT")
    server.wait_exit
    expect(File.exist?("#{server.dir}/app.sock")).to be(false)
  end

  it "S-04: is what USR1 does without workers" do
    server = serve(app, files: { "version" => "old" })
    server.signal("USR1")
    restarted(server)
    expect(server.stdout).to include("phased-restart called but not available, restarting normally")
  end

  it "D-79: runs before_restart; D-78: after_stopped only at the end" do
    config = "before_restart { |launcher| puts \"again \#{launcher.class}\" }\nafter_stopped { puts 'stopped' }\nafter_booted { puts 'booted' }"
    server = serve(app, files: { "version" => "old", "config/puma.rb" => config })
    server.signal("USR2")
    restarted(server)
    expect(server.stdout.scan(/again IodineRs::Launcher|stopped\n/)).to eq(["again IodineRs::Launcher"])
    server.signal("INT")
    server.wait_exit
    expect(server.stdout.scan("stopped\n").size).to eq(1)
    expect(server.stdout.scan("booted\n").size).to eq(2)
  end

  it "V-08: leaves USR2 to the app where that is asked for" do
    server = serve("trap('USR2') { puts 'mine' }\n#{app}", files: { "version" => "old" }, env: { "PUMA_SKIP_SIGUSR2" => "1" })
    server.signal("USR2")
    server.wait_for_stdout(/mine/)
  end

  [[], %w[-w 1]].each do |args|
    it "D-60: follows tmp/restart.txt (#{args.join(" ")})" do
      server = serve(app, args:, files: { "version" => "old", "config/puma.rb" => "plugin :tmp_restart", "tmp/other" => "" })
      Http.get(server)
      deploy(server)
      File.write("#{server.dir}/tmp/restart.txt", "")
      restarted(server)
      expect(Http.get(server).body).to start_with("new")
    end
  end
end
