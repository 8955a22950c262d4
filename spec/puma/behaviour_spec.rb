# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"

# What the words of Puma's configuration files do to a running server, as far as no other spec shows it.
RSpec.describe "A configuration file of Puma's" do
  hello = 'run ->(env) { [200, {}, ["hello"]] }'
  showing = 'run ->(env) { [200, {}, [env.values_at("rack.url_scheme", "REMOTE_ADDR", "HTTP_A_B", "REQUEST_METHOD").inspect]] }'

  define_method(:configured) { |config, app = hello, **options| serve(app, files: { "config/puma.rb" => config }, **options) }

  it "D-01, D-02: listens where port and bind say" do
    server = configured("port 0, '127.0.0.1'\nbind 'unix://s?mode=0700'", bind: nil)
    expect(server.stdout.scan(/Listening on (\S+)/).flatten).to match([%r{\Ahttp://127.0.0.1:\d+}, "unix://s"])
    expect(File.stat("#{server.dir}/s").mode & 0o777).to eq(0o700)
  end

  it "§5.5: names of classes are the app's, also where the server has such a class" do
    server = configured("class ::Subscription; end\nclass ::Connection; end\ntag Subscription.name\nafter_booted { puts \"\#{Connection} \#{Puma::DSL}\" }")
    expect(title(server.pid)).to end_with("[Subscription]")
    server.wait_for_stdout(/^Connection IodineRs::DSL$/)
  end

  it "D-06: takes a default host for port" do
    expect(configured("set_default_host '127.0.0.1'\nport 0", bind: nil).stdout).to include("Listening on http://127.0.0.1:")
  end

  it "D-04: clear_binds! forgets what the file has said so far" do
    server = configured("bind 'unix://gone'\nclear_binds!\nport 0, '127.0.0.1'", bind: nil)
    expect(server.stdout.scan(/Listening on (\S+)/).flatten).to match([%r{\Ahttp://127.0.0.1:\d+}])
  end

  ["bind_to_activated_sockets", "bind_to_activated_sockets 'only'"].each do |line|
    it "D-05: #{line} without systemd changes nothing" do
      expect(Http.get(configured(line)).body).to eq("hello")
    end
  end

  it "D-07: first_data_timeout ends a request that does not come" do
    socket = configured("first_data_timeout 0.3").connect
    socket.write("GET / HTTP/1.1\r\n")
    expect(socket.read_to_end).to eq("")
  end

  it "D-08: persistent_timeout ends an idle connection" do
    socket = configured("persistent_timeout 0.3").connect
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    expect(socket.read_to_end).to end_with("hello")
  end

  { "D-10" => "max_keep_alive 1", "D-11" => "max_fast_inline 1", "D-12" => "enable_keep_alives false", "D-13" => "queue_requests false" }.each do |row, config|
    it "#{row}: #{config} closes after one request" do
      socket = configured(config).connect
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
      expect(socket.read_to_end).to match(/^connection: close\r$.*hello\z/m)
    end
  end

  { "D-14" => ["set_remote_address :localhost", '"127.0.0.1"'], "D-14 (text)" => ["set_remote_address '10.1.2.3'", '"10.1.2.3"'],
    "D-14 (header)" => ["set_remote_address header: 'X-Real-IP'", '"10.9.9.9"'], "D-16" => ["rack_url_scheme 'https'", '"https"'],
    "D-19" => ["allow_underscore_headers false", "nil"] }.each do |row, (config, part)|
    it "#{row}: #{config} shows in the env" do
      expect(Http.get(configured(config, showing), "/", { "x-real-ip" => "10.9.9.9", "a_b" => "1" }).body).to include(part)
    end
  end

  it "D-15: early_hints gives the app a way to send them" do
    app = 'run ->(env) { env["rack.early_hints"].call({ "link" => "</a.css>" }); [200, {}, []] }'
    socket = configured("early_hints true", app).connect
    socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    expect(socket.read_to_end).to start_with("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200")
  end

  it "D-17: http_content_length_limit refuses more with 413" do
    server = configured("http_content_length_limit 3")
    expect([Http.post(server, "/", "abc").status, Http.post(server, "/", "abcd").status]).to eq([200, 413])
  end

  it "D-18: supported_http_methods decides what gets a 501" do
    server = configured("supported_http_methods %w[GET REPORT]", showing)
    expect(%w[REPORT POST].map { |method| Http.request(server, method, "/").status }).to eq([200, 501])
    expect(Http.request(configured("supported_http_methods :any"), "PROPFIND", "/").status).to eq(200)
  end

  it "D-20: threads bounds what runs at once" do
    app = <<~'RUBY'
      lock, inside, most = Mutex.new, 0, 0
      run lambda { |env|
        next [200, {}, [most.to_s]] if env["PATH_INFO"] == "/most"
        lock.synchronize { most = [most, inside += 1].max }
        sleep 0.05
        lock.synchronize { inside -= 1 }
        [200, {}, []]
      }
    RUBY
    server = configured("threads 2, 2", app)
    Array.new(8) { Thread.new { Http.get(server) } }.each(&:join)
    expect(Http.get(server, "/most").body).to eq("2")
  end

  # How many requests that need each other run at once: each waits until so many are there.
  meeting = <<~'RUBY'
    lock, inside = Mutex.new, 0
    run lambda { |env|
      lock.synchronize { inside += 1 }
      limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 1
      sleep 0.005 until lock.synchronize { inside } >= env["QUERY_STRING"].to_i || Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit
      met = lock.synchronize { inside } >= env["QUERY_STRING"].to_i
      sleep 0.05
      lock.synchronize { inside -= 1 }
      [200, {}, [met.to_s]]
    }
  RUBY

  it "D-80: before_thread_start gets the limits of the pool, and may change them" do
    config = <<~'RUBY'
      threads 1, 1
      before_thread_start do |pool|
        puts "limits #{pool.min_threads} #{pool.max_threads}"
        pool.update_thread_pool_min_max(min: 2, max: 4) if pool.max_threads == 1
      end
    RUBY
    server = configured(config, meeting)
    # The start prints lines of its own meanwhile.
    server.wait_for_stdout(/limits 1 1\n.*limits 2 4/m)
    expect(Array.new(4) { Thread.new { Http.get(server, "/?4").body } }.map(&:value)).to eq(%w[true] * 4)
    expect(server.stdout.scan(/limits \d \d/).size).to be_between(3, 4)
  end

  it "D-80: says which limits cannot be, and goes on" do
    config = <<~'RUBY'
      threads 1, 2
      before_thread_start do |pool|
        [{ min: 3 }, { max: 0 }, { min: -1 }].each { |limits| puts pool.update_thread_pool_min_max(**limits) }
        puts "limits #{pool.min_threads} #{pool.max_threads} #{pool.class} #{Puma::ServerPluginControl == pool.class}"
      end
    RUBY
    server = configured(config)
    server.wait_for_stdout(/false\nfalse\nfalse\nlimits 1 2 IodineRs::PoolControl true/)
    expect(server.stderr).to include("`min' value cannot be greater than `max' value.", "`min' value cannot be less than 0", "`max' value cannot be less than 1")
    expect(Http.get(server).status).to eq(200)
  end

  it "D-70, D-77: a lambda that takes an argument gets nil where there is none" do
    server = cluster(hello, files: { "config/puma.rb" => <<~'RUBY' })
      before_fork(&->(nothing) { puts "forks #{nothing.inspect}" })
      after_booted(&->(nothing) { puts "booted #{nothing.inspect}" })
    RUBY
    server.wait_for_stdout(/^forks nil$.*^booted nil$/m)
    expect(server.stderr).to eq("")
  end

  it "D-80, D-81: a lambda or method without arguments does as well" do
    server = configured("def began = puts('began')\nbefore_thread_start(&method(:began))\nbefore_thread_exit(&-> { puts 'ended' })\nthreads 1")
    server.wait_for_stdout(/began/)
    server.signal("INT")
    server.wait_for_stdout(/ended/)
  end

  it "D-22: fiber_per_request keeps what a request leaves from the next one" do
    app = "run ->(_env) { seen = [Thread.current[:a], Fiber[:b]]; Thread.current[:a] = Fiber[:b] = 1; [200, {}, [seen.inspect]] }"
    server = configured("fiber_per_request\nthreads 1, 1", app)
    expect(Array.new(3) { Http.get(server).body }).to eq(["[nil, nil]"] * 3)
    server = configured("threads 1, 1", app)
    expect(Array.new(2) { Http.get(server).body }).to eq(["[nil, nil]", "[1, 1]"])
  end

  it "D-30, D-34, D-35: environment, tag and directory" do
    Dir.mktmpdir do |dir|
      File.write("#{dir}/config.ru", "run ->(_env) { [200, {}, [Dir.pwd]] }")
      server = ServerProcess.start(args: %W[-C x.rb], files: { "x.rb" => "directory #{dir.dump}\ntag 'shop'\nenvironment 'staging'" })
      expect(Http.get(server).body).to eq(File.realpath(dir))
      expect(server.stdout).to include("Environment: staging")
      expect(title(server.pid)).to end_with("[shop]")
    ensure
      server&.stop
    end
  end

  it "D-31: the pidfile overwrites what is there, and goes at the end" do
    server = serve(hello, files: { "p" => "1\n", "config/puma.rb" => "pidfile 'p'" })
    expect(File.read("#{server.dir}/p").to_i).to eq(server.pid)
    server.signal("INT")
    server.wait_exit
    expect(File.exist?("#{server.dir}/p")).to be(false)
  end

  { "D-36" => "rackup 'other.ru'", "D-36 (old)" => "rackup DefaultRackup" }.each do |row, config|
    it "#{row}: #{config}" do
      server = ServerProcess.start(files: { "config/puma.rb" => config, "other.ru" => hello, "config.ru" => hello })
      expect(Http.get(server).body).to eq("hello")
    ensure
      server&.stop
    end
  end

  it "D-37: the app may stand in the file" do
    server = ServerProcess.start(files: { "config/puma.rb" => "app { |env| [200, {}, [env['PATH_INFO']]] }" })
    expect(Http.get(server, "/here").body).to eq("/here")
  ensure
    server&.stop
  end

  it "D-38: load reads one more file" do
    server = serve(hello, files: { "config/puma.rb" => "threads 1\nload 'more.rb'\ntag 'first'", "more.rb" => "threads 2\ntag 'second'" })
    expect(server.stdout).to include("Max threads: 2\n")
    expect(title(server.pid)).to end_with("[second]")
  end

  it "D-39: restart_command is what a hot restart runs" do
    server = configured("restart_command 'echo again'")
    server.signal("USR2")
    server.wait_exit
    expect(server.stdout).to end_with("again\n")
  end

  it "D-40: workers :auto are as many as there are processors" do
    server = configured("workers :auto")
    expect(server.stdout).to include("Workers: #{IodineRs::Processors.available}\n")
  end

  it "D-48: worker_check_interval is how often a worker tells the master how it is" do
    server = configured("workers 1\nworker_check_interval 0.1\nworker_timeout 0.5\nsilence_single_worker_warning")
    pid = await_workers(server, 1).first
    Process.kill("STOP", pid)
    server.wait_for_stdout(/! Terminating timed out worker \(Worker 0 failed to check in within 0\.5 seconds\): #{pid}/)
  end

  it "D-52: single and cluster are for the mode that is" do
    config = "single { tag 'one' }\ncluster { tag 'many' }\n"
    expect(title(configured(config).pid)).to end_with("[one]")
    expect(title(configured("#{config}workers 2").pid)).to end_with("[many]")
  end

  it "D-62, D-63: get reads what the file has said, inject runs a block of words" do
    server = configured("threads 2, 3\ninject { tag \"\#{get(:max_threads)} \#{get(:nothing, 'x')}\" }")
    expect(title(server.pid)).to end_with("[3 x]")
  end

  { "D-21" => "max_io_threads 5", "D-43, V-12" => "prune_bundler", "D-44" => "extra_runtime_dependencies ['a']", "D-49" => "worker_culling_strategy :oldest",
    "D-59" => "io_selector_backend :select", "D-66" => "nakayoshi_fork" }.each do |row, source|
    it "#{row}: #{source} serves, and says what happens instead" do
      server = configured(source)
      expect(server.stdout).to match(/^\* #{source[/\w+/]}: \w+/)
      expect(Http.get(server).body).to eq("hello")
    end
  end

  { "D-50" => "wait_for_less_busy_worker 0.001", "D-56" => "debug" }.each do |row, source|
    it "#{row}: #{source} serves, without a word" do
      server = configured(source)
      expect([Http.get(server).body, server.stderr]).to eq(["hello", ""])
    end
  end

  it "D-66: daemonize ends the boot with advice" do
    server = configured("daemonize", wait: false)
    expect([server.wait_exit.exitstatus, server.stderr]).to match([1, /config\/puma.rb:1: daemonize: .*systemd/])
  end

  it "RR-10: signal handlers of the configuration file run while nothing is asked" do
    server = configured("Signal.trap('PROF') { $stdout.write(\"profiling\\n\") }")
    server.signal("PROF")
    server.wait_for_stdout(/profiling/)
    expect(Http.get(server).body).to eq("hello")
  end

  it "RR-11: a request may stop in a debugger: no limit ends it, and the standard input is the app's" do
    app = "run ->(_env) { line = $stdin.gets; [200, {}, [line]] }"
    server = serve(app, under: ["sh", "-c", 'mkfifo in && exec "$@" <>in', "sh"], args: %w[-w 1 --set worker_check_interval=0.1],
                        files: { "config/puma.rb" => "worker_timeout 0.5\npersistent_timeout 0.2\nfirst_data_timeout 0.2" })
    socket = server.connect.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    expect(socket).to be_silent(1)
    File.write("#{server.dir}/in", "continue\n")
    expect(socket.read_to_end).to end_with("continue\n")
  end

  it "D-53: log_requests prints a line for each request" do
    server = configured("log_requests true")
    Http.get(server, "/seen")
    server.wait_for_stdout(%r{GET /seen})
  end

  it "D-57: what the app prints is there at once" do
    server = configured("mutate_stdout_and_stderr_to_sync_on_write true", "run ->(_env) { $stdout.print 'seen'; [200, {}, []] }")
    Http.get(server)
    server.wait_for_stdout(/seen/)
  end

  it "D-79: before_restart runs before a hot restart, and gets the launcher" do
    server = configured("before_restart { |launcher| puts \"ports \#{launcher.connected_ports.size}\" }\non_restart { puts 'older' }")
    server.signal("USR2")
    server.wait_for_stdout(/Restarting.*ports 1\nolder\n.*Use Ctrl-C/m)
  end

  it "D-77, D-78: after_booted and after_stopped run once in one process, too" do
    server = configured("after_booted { puts 'booted' }\non_booted { puts 'older' }\nafter_stopped { puts 'stopped' }")
    server.wait_for_stdout(/booted\nolder\n/)
    server.signal("TERM")
    server.wait_exit
    expect(server.stdout.scan(/^stopped$/).size).to eq(1)
  end

  it "D-70 to D-76: hooks of workers are silent where there are none" do
    server = configured("before_fork { puts 'x' }\non_worker_boot { puts 'x' }\nbefore_worker_shutdown { puts 'x' }\nbefore_refork { }")
    expect(Http.get(server).body).to eq("hello")
    expect(server.stdout).not_to match(/^x$/)
  end

  { "threds 5" => "threads", "worker 2" => "workers", "on_worker_bot { }" => "on_worker_boot", "prot 3000" => "port",
    "stdout_redirct 'a'" => "stdout_redirect", "plugins :x" => "plugin" }.each do |source, nearest|
    it "names file, line and the nearest word for #{source}" do
      server = configured("# first line\n#{source}", wait: false)
      expect([server.wait_exit.exitstatus, server.stderr]).to match([1, %r{config/puma.rb:2: unknown option \w+; did you mean #{nearest}\?}])
    end
  end
end
