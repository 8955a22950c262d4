# frozen_string_literal: true

require "spec_helper"
require_relative "../../support/bundle"
require_relative "../../support/cluster"

# Gems of others that work with Puma, from checkouts of theirs, beside this server. A probe says how such a gem is set up
# and what it must do; here is what each is put through: one process and clusters, restarts, and a clean end.
#
#   ThirdParty.probe "statsd-plugin", "owner/repository" do
#     def config = "plugin :statsd"
#     def look(server) = expect(…)
#   end
module ThirdParty
  CHECKOUTS = ENV.fetch("GEMS")
  MODES = { "one process" => "workers 0", "a cluster" => "workers 2\npreload_app! false",
            "a preloading cluster" => "workers 2\npreload_app!" }.freeze
  # What every configuration says beside what the gem wants. Figures of workers are as old as their last check-in.
  COMMON = "threads 3, 3\nworker_check_interval 1\n"
  # What a log has where something was not rescued.
  TROUBLE = /\((?:\w+::)*\w*(?:Error|Exception)\)|terminated with exception|panicked|hook \w+ failed|ended unexpectedly/
  private_constant :CHECKOUTS, :COMMON

  module_function

  # The folder of a repository, by its name alone or with its owner's; nil where there is none.
  def checkout(repository)
    [repository.tr("/", "-"), File.basename(repository)].map { |name| "#{CHECKOUTS}/#{name}" }.find { |path| File.directory?(path) }
  end

  def version(gem, path)
    file = Dir["#{path}/{,*/}#{gem}.gemspec"].first or return
    Dir.chdir(File.dirname(file)) { Gem::Specification.load(file) }&.version
  end

  # @param gem [String] its name
  # @param repository [String] at GitHub
  # @param needs [Hash] gems that it depends on and where they come from, or nil for those that are installed
  # @param bundled [Boolean] whether it is set up by Bundler, else its lib is in the load path
  # @param modes [Array<String>] those of MODES that it is for
  def probe(gem, repository, needs: {}, bundled: true, modes: MODES.keys, &)
    sources = { gem => repository, **needs }
    places = sources.compact.transform_values { |source| checkout(source) }
    missing = places.filter_map { |name, place| sources[name] if place.nil? }.uniq
    RSpec.describe(gem, version: places[gem] && version(gem, places[gem]), missing:) do
      include Life

      define_method(:bundled?) { bundled }
      define_method(:places) { places }
      define_method(:gems) { sources.keys }
      class_exec(&)
      modes.each do |mode|
        it mode do
          skip "no checkout of #{missing.join(", ")}" if missing.any?
          live(MODES.fetch(mode))
        end
      end
    end
  end

  # What each probe is put through, and its tools. Of a probe's own are `config`, `look`, and where it wants others
  # `app`, `environment`, `files` and `forgotten`.
  module Life
    APP = ClusterMethods::WAITING
    private_constant :APP

    def app = APP
    def environment = {}
    def files = {}
    # Processes that the gem leaves behind, with Puma too.
    def forgotten = []

    # IODINE_SPEC_SERVER=puma shows what the same gem does there.
    def gemfile
      return "" unless bundled?

      Bundle.gemfile(*gems.map { |gem| places[gem] ? "#{gem}', path: '#{places[gem]}" : gem }, *ENV["IODINE_SPEC_SERVER"])
    end

    def clustered? = @mode != MODES["one process"]
    def preloads? = @mode == MODES["a preloading cluster"]
    def processes = clustered? ? 2 : 1
    def threads = processes * 3

    # Boots, looks, restarts in every way that the mode has, looks again, and ends.
    def live(mode)
      @mode = mode
      server = boot
      look(server)
      [*("USR1" if clustered? && !preloads?), "USR2"].each do |signal|
        begin_again(server, signal)
        look(server)
      end
      conclude(server)
    end

    def boot(**)
      server = serve(app, args: load_path, env: { **setup, **environment }, boot_limit: 40, files: {
        "config/puma.rb" => "#{COMMON}#{@mode}\n#{config}\n", "Gemfile" => gemfile, **files
      }, **)
      await_workers(server, 2) if clustered?
      server
    end

    def begin_again(server, signal)
      boots = booted(server).size
      starts = server.stdout.scan("Use Ctrl-C").size
      server.signal(signal)
      eventually(limit: 40) { server.stdout.scan("Use Ctrl-C").size > starts } if signal == "USR2"
      await_workers(server, boots + 2, limit: 40) if clustered?
    end

    # Ends it, a cluster as service managers do: with the status that belongs to it, nothing in the log, and no process left.
    def conclude(server)
      server.signal(clustered? ? "TERM" : "INT")
      status = server.wait_exit(limit: 40)
      expect(clustered? ? status.termsig : status.exitstatus).to eq(clustered? ? Signal.list["TERM"] : 0)
      expect(server.stderr + server.stdout).not_to match(TROUBLE)
      eventually(limit: 5, message: "left over: #{group(server.pid)}") { (group(server.pid) - forgotten).empty? }
    end

    # Processes of that server, by their command lines.
    def group(leader)
      `ps -eo pgid=,stat=,args=`.lines.map(&:split).select { |pgid, state, *| pgid.to_i == leader && !state.start_with?("Z") }.map { |_, _, *line| line.join(" ") }
    end

    # Yields while so many requests are inside the app.
    def holding(server, count)
      before = server.stdout.scan("waiting").size
      held = Array.new(count) { server.connect.tap { |socket| socket.write("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n") } }
      eventually { server.stdout.scan("waiting").size == before + count }
      yield
    ensure
      let_go(server)
      held&.each { |socket| socket.read_response if socket.respond_to?(:read_response) }
      File.delete("#{server.dir}/go")
    end

    # A port that nobody listens on, the same through the example.
    def spare_port = @spare_port ||= TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }

    # Waits until the figures at that address, summed up over their labels, are these.
    def await_metrics(port, path, expected)
      found = nil
      eventually do
        found = metrics(Http.get(port, path).body)
        expected.all? { |name, value| found[name] == value }
      rescue SystemCallError
        false
      end
    rescue Eventually::TimeUp
      expect(found.to_h).to include(expected)
    end

    def metrics(text)
      text.scan(/^(\w+)(?:\{.*\})? ([\d.]+)$/).each_with_object(Hash.new(0)) { |(name, value), sums| sums[name] += value.to_f }
    end

    private

    def setup = bundled? ? { "RUBYOPT" => "-rbundler/setup" } : {}
    def load_path = ["-I", [*("lib"), *(places.values.map { |place| "#{place}/lib" } unless bundled?)].join(":")]
  end
end
