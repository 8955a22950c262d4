# frozen_string_literal: true

require "fileutils"
require "rbconfig"
require "shellwords"
require "tmpdir"
require_relative "eventually"
require_relative "raw_socket"

# A real server in a process of its own, with an app of the spec's making. It always ends: `stop` sends TERM, then
# KILL at the limit, reaps the process and everything it forked, and removes the directory.
#
# IODINE_SPEC_SERVER names another command with the same options (for instance `puma`), to see where it differs.
class ServerProcess
  # The server did not do in time what the spec waits for; the message shows what it printed.
  class Failed < StandardError; end

  ROOT = File.expand_path("../..", __dir__)
  STRESSED = File.expand_path("gc_stress.ru", __dir__)
  # What a developer's own shell must not change in a spec.
  CLEAN_ENV = { "RACK_ENV" => "production", "RAILS_ENV" => nil, "APP_ENV" => nil, "PORT" => nil,
                "SCRIPT_NAME" => nil, "WEB_CONCURRENCY" => nil, "WORKERS" => nil,
                "RAILS_MAX_THREADS" => nil, "THREADS" => nil }.freeze
  private_constant :ROOT, :STRESSED, :CLEAN_ENV

  @running = []
  @shared = {}

  class << self
    # Starts a server and waits until it serves; with a block yields it and stops it afterwards.
    def start(...)
      server = new(...)
      return server unless block_given?

      begin
        yield server
      ensure
        server.stop
      end
    end

    # The server of that key, started at the first call (and again if it died) and stopped after the suite.
    def shared(key, ...)
      server = @shared[key]
      return server if server&.alive?

      @shared[key] = new(...)
    end

    # Every server that has been started and not stopped yet.
    attr_reader :running

    def stop_all = running.dup.each(&:stop)

    # Remembers how much every server has printed; see output_since_mark.
    def mark_output = running.each(&:mark_output)

    def output_since_mark = running.map(&:output_since_mark).join
  end

  # Included in every example group.
  module ExampleMethods
    # Starts a server that lives as long as the example. The first argument is the source of a config.ru or, when it
    # ends in .ru, the path of one.
    def serve(app, **)
      named = app.end_with?(".ru") ? { rackup: app } : { app: }
      ServerProcess.start(**named, **).tap { |server| (@servers ||= []) << server }
    end

    # Called after every example.
    def stop_servers = @servers&.each(&:stop)
  end

  attr_reader :pid, :dir

  # @param app [String, nil] source of the config.ru; neither this nor `rackup` means no config.ru at all
  # @param rackup [String, nil] path of an existing config.ru
  # @param args [Array<String>] more command-line options
  # @param env [Hash] environment; a nil value removes a variable
  # @param files [Hash] files to write into the server's working directory: path => content
  # @param bind [String, nil] what follows -b; nil leaves the option out
  # @param wait [Boolean] false returns at once, for servers that are expected not to start
  # @param under [Array<String>] a command that runs the server's in its own place, for instance `prlimit --nofile=256`
  # @param gc_stress [Boolean] GC.stress from the first request on; GC_STRESS=1 turns it on everywhere
  # @param command [Array<String>, nil] another server with the same options
  def initialize(app: nil, rackup: nil, args: [], env: {}, files: {}, bind: "tcp://127.0.0.1:0", wait: true,
                 boot_limit: Eventually::LIMIT, under: [], gc_stress: ENV["GC_STRESS"] == "1", command: nil)
    @home = Dir.mktmpdir("iodine-rs-spec")
    @dir = File.join(@home, "app").tap { |path| Dir.mkdir(path) }
    @printed = {}
    @connections = ObjectSpace::WeakMap.new
    write_files(app ? { "config.ru" => app, **files } : files)
    rackup = File.expand_path(rackup) if rackup
    rackup ||= "config.ru" if app
    env, rackup = stressed(env, rackup) if gc_stress && rackup
    words = [*under, *(command || self.command), *("-b" if bind), *bind, *args, *rackup]
    spawn_process(CLEAN_ENV.merge(env), words)
    self.class.running << self
    wait_until_serving(boot_limit) if wait
  end

  # The TCP port it listens on (the first, if there are several).
  def port = wait_for_stdout(%r{Listening on (?:http|tcp|ssl)://\S+?:(\d+)(?:[\s?]|$)})[1].to_i

  # A new connection to it. When the server is stopped, it is closed.
  def connect(**) = RawSocket.new(port, **).tap { |socket| @connections[socket] = true }

  # Everything printed so far.
  def stdout = printed("stdout")
  def stderr = printed("stderr")

  # Waits for output; returns the MatchData.
  def wait_for_stdout(pattern, limit: Eventually::LIMIT) = wait_for("stdout", pattern, limit)
  def wait_for_stderr(pattern, limit: Eventually::LIMIT) = wait_for("stderr", pattern, limit)

  def signal(name) = Process.kill(name, pid)

  def alive? = @waiter.alive?

  # Waits for its end and returns the Process::Status.
  def wait_exit(limit: Eventually::LIMIT)
    @waiter.join(limit) or raise Failed, "server still runs after #{limit} s\n#{output}"
    @waiter.value
  end

  # Ends the process, by force if TERM does not do it in time: requests that wait for ever are no reason to wait. May be
  # called again.
  def stop(limit: 1)
    return unless File.directory?(@home)

    terminate(limit)
    %w[stdout stderr].each { |name| @printed[name] = printed(name) }
    FileUtils.rm_rf(@home)
    self.class.running.delete(self)
  end

  # All it printed, as failure messages show it.
  def output = "--- stdout of #{pid}\n#{stdout}--- stderr\n#{stderr}"

  def mark_output = @mark = { "stdout" => stdout.size, "stderr" => stderr.size }

  def output_since_mark
    @mark ||= { "stdout" => 0, "stderr" => 0 }
    @mark.filter_map do |name, from|
      text = printed(name)[from..].to_s
      "--- #{name} of server #{pid}\n#{text}\n" unless text.empty?
    end.join
  end

  private

  def command
    other = ENV.fetch("IODINE_SPEC_SERVER", "")
    other.empty? ? [RbConfig.ruby, "-I#{ROOT}/lib", "#{ROOT}/exe/iodine-rs"] : other.shellsplit
  end

  def write_files(files)
    files.each do |path, content|
      target = File.join(@dir, path)
      FileUtils.mkdir_p(File.dirname(target))
      File.binwrite(target, content)
    end
  end

  def stressed(env, rackup)
    [env.merge("IODINE_SPEC_STRESSED_APP" => File.expand_path(rackup, @dir)), STRESSED]
  end

  # Files rather than pipes: nothing can fill up, and a forked grandchild cannot keep them open.
  def spawn_process(env, words)
    @pid = Process.spawn(env, *words, chdir: @dir, pgroup: true, in: File::NULL,
                                      out: [log("stdout"), "a"], err: [log("stderr"), "a"])
    @waiter = Process.detach(@pid)
  end

  def log(name) = File.join(@home, name)

  def printed(name)
    @printed.fetch(name) { File.read(log(name), encoding: "UTF-8").scrub }
  end

  def wait_until_serving(limit)
    wait_for("stdout", /Listening on .*Use Ctrl-C/m, limit)
  rescue Failed
    stop(limit: 0)
    raise
  end

  def wait_for(name, pattern, limit)
    deadline = Eventually.now + limit
    until (match = pattern.match(printed(name)))
      running = alive?
      raise Failed, "no #{pattern.inspect} in #{name} within #{limit} s\n#{output}" if Eventually.now > deadline
      raise Failed, "server ended: #{@waiter.value}\n#{output}" unless running || pattern.match?(printed(name))

      sleep Eventually::INTERVAL
    end
    match
  end

  def terminate(limit)
    # It would wait for clients that do nothing any more.
    @connections.each_key(&:close)
    signal("TERM") if alive?
    @waiter.join(limit)
    # The whole group: also what the app forked.
    Process.kill("KILL", -pid)
    @waiter.join
  rescue Errno::ESRCH, Errno::EPERM
    @waiter.join
  end
end

# Children that specs fork end here, too; the servers are their parent's.
owner = Process.pid
at_exit { ServerProcess.stop_all if Process.pid == owner }
