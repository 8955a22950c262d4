# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "bundle"
require_relative "eventually"

# An app as `rails new` makes it; in its Gemfile stands iodine-rs where Puma stood.
class RailsApp
  # The app's process did not do what the spec waits for; the message shows what it printed.
  class Failed < StandardError; end

  # What a developer's own shell must not change.
  ENVIRONMENT = { **Bundle::CLEAN, "BUNDLE_GEMFILE" => nil, "RAILS_ENV" => "development", "RACK_ENV" => nil, "PORT" => nil,
                  "WEB_CONCURRENCY" => nil, "SECRET_KEY_BASE" => "x" * 64 }.freeze
  private_constant :ENVIRONMENT

  # A running server: its port and its number.
  Server = Struct.new(:port, :pid, :log) do
    # What it has printed so far.
    def printed = File.read(log)
  end

  attr_reader :path

  # @param flags [Array<String>] of `rails new`
  # @param gems [Array<String>] beside Rails, sqlite3 and iodine-rs
  # @param files [Hash] path => content, written into the app
  def initialize(*flags, gems: [], files: {})
    @home = Dir.mktmpdir("iodine-rs-rails")
    @path = "#{@home}/blog"
    output, status = Open3.capture2e("rails", "new", @path, *flags, "--skip-asset-pipeline", "--skip-javascript", "--skip-bootsnap", "--skip-bundle", "--skip-git", "--quiet")
    raise Failed, output unless status.success?

    write({ "Gemfile" => Bundle.gemfile("rails", "sqlite3", *gems), **files })
  end

  # Writes files into the app.
  def write(files)
    files.each do |name, content|
      FileUtils.mkdir_p(File.dirname("#{path}/#{name}"))
      File.write("#{path}/#{name}", content)
    end
  end

  # Runs bin/rails to its end; returns what it printed.
  def rails(*args, env: {})
    output, status = Bundle.capture(ENVIRONMENT.merge(env), RbConfig.ruby, "bin/rails", *args, chdir: path, limit: 120)
    raise Failed, output unless status.success?

    output
  end

  # Starts `bin/rails server` and yields it once it serves; ends it afterwards.
  def server(*args, env: {})
    log = "#{@home}/log"
    pid = Process.spawn(ENVIRONMENT.merge(env), RbConfig.ruby, "bin/rails", "server", *args, chdir: path, %i[out err] => [log, "w"])
    Eventually.eventually(limit: 40) do
      raise Failed, File.read(log) if ended?(pid)

      File.read(log).include?("Use Ctrl-C")
    end
    yield Server.new(File.read(log)[/Listening on http:\S+:(\d+)/, 1].to_i, pid, log)
  ensure
    finish(pid) if pid
  end

  def remove = FileUtils.rm_rf(@home)

  private

  def ended?(pid)
    Process.wait(pid, Process::WNOHANG)
  rescue Errno::ECHILD
    true
  end

  def finish(pid)
    return if ended?(pid)

    Process.kill("INT", pid)
    Eventually.eventually(limit: 20) { ended?(pid) }
  rescue Eventually::TimeUp
    Process.kill("KILL", pid)
    Process.wait(pid)
    raise
  end
end
