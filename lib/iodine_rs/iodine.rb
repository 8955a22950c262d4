# frozen_string_literal: true

require "iodine_rs"
require "etc"

# The module API of iodine 0.7, on iodine-rs. It is loaded by `require "iodine_rs/iodine"` only, for apps that were
# written for iodine; new ones call IodineRs.
#
#   Iodine.workers = 2
#   Iodine.listen(service: :http, port: 3000, handler: ->(env) { [200, {}, ["hello"]] })
#   Iodine.start
module Iodine
  # The version whose API this is.
  VERSION = "0.7.59"

  # What `listen` uses where it is not told otherwise. May be changed.
  DEFAULT_SETTINGS = {}

  PubSub = IodineRs::PubSub
  Connection = IodineRs::Connection
  Websocket = IodineRs::Websocket

  @listeners = []
  @settings = {}

  # Kept apart from the calls that an app makes.
  module Settings
    # Keys of `listen`, as options of iodine-rs.
    KEYS = {
      log: ->(value) { { log_requests: value ? true : false } }, public: ->(path) { { public: path } },
      timeout: ->(seconds) { { persistent_timeout: seconds } }, ping: ->(seconds) { { ping_interval: seconds } },
      max_headers: ->(kib) { { max_head_size: kib * 1024 } }, max_msg: ->(kib) { { max_message_size: kib * 1024 } },
      max_body: ->(mib) { { http_content_length_limit: mib * 1024 * 1024 } }
    }.freeze
    ADDRESS = %i[url address port handler app service].freeze
    # Accepted for old apps; there is nothing to set.
    IGNORED = %i[max_clients].freeze
    # As many threads and processes are a mistake.
    MOST_THREADS = 4096
    MOST_WORKERS = 512

    class << self
      # The options for these keys.
      def options(keys)
        unknown = keys.keys - KEYS.keys - ADDRESS - IGNORED
        raise ArgumentError, "Iodine.listen: #{unknown.join(", ")} is not there in iodine-rs" if unknown.any?

        keys.slice(*KEYS.keys).compact.map { |key, value| KEYS[key].call(value) }.reduce({}, :merge)
      end

      # Where to listen.
      def bind(keys)
        return from_url(keys[:url]) if keys[:url]
        return keys[:address] if keys[:address].to_s.start_with?("/", "./")

        IodineRs::Bind.port(keys[:port] || ENV["PORT"] || 3000, keys[:address])
      end

      # A count as iodine has it: a negative one is a part of the processor's cores.
      def count(number, limit)
        raise TypeError, "a number is an Integer, not #{number.class}" unless number.is_a?(Integer)
        raise RangeError, "#{number} is out of range, it is below #{limit}" unless number.abs < limit

        number.negative? ? [Etc.nprocessors / -number, 1].max : number
      end

      private

      def from_url(url)
        scheme, place = url.split("://", 2)
        case scheme
        when "http", "ws" then "tcp://#{place[%r{\A[^/]*}]}"
        when "unix" then url
        else raise ArgumentError, "Iodine.listen: #{url.inspect} is not accepted; it takes http:// or unix://"
        end
      end
    end
  end
  private_constant :Settings

  class << self
    # Prepares to serve a Rack app at an address; `start` begins. Keys: `url`, or `address` and `port`; `handler` (or a
    # block), `log`, `public`, `timeout`, `ping`, `max_headers` (KB), `max_body` (MB), `max_msg` (KB).
    #
    # @return [#call] the app
    # @raise [ArgumentError] for another service than :http, and without an app
    def listen(keys = {}, &block)
      keys = DEFAULT_SETTINGS.merge(keys)
      app = keys[:handler] || keys[:app] || block or raise ArgumentError, "a :handler is required."
      unless [nil, :http, :ws, :unix].include?(keys[:service]&.to_sym)
        raise ArgumentError, "Iodine.listen: the service #{keys[:service].inspect} is not there in iodine-rs"
      end

      @listeners << [Settings.bind(keys), app, Settings.options(keys)]
      app
    end

    # The older name.
    def listen2http(keys = {}, &block) = listen({ **keys, service: :http }, &block)

    # Serves until a signal or `stop`.
    #
    # @return [self]
    # @raise [RuntimeError] if it runs already
    def start
      raise "Iodine already running!" if running?

      binds, apps, options = @listeners.transpose
      raise ArgumentError, "Iodine.listen with several apps is not there in iodine-rs" if apps.to_a.uniq.size > 1

      layer = IodineRs::Options.layer(options.to_a.reduce({}, :merge).merge(@settings, binds ? { binds: } : {}))
      IodineRs::Launcher.new(IodineRs::Options.new(layer), app: apps&.first).run
      self
    end

    # Ends `start`; in a worker of a cluster that worker, in whose place comes another one.
    #
    # @return [self]
    def stop
      worker? && !master? ? Process.kill(:TERM, Process.pid) : IodineRs.stop
      self
    end

    # Threads for the app; a negative number is a part of the cores, 0 is the default.
    def threads = @settings[:max_threads] || IodineRs.threads || 0
    def threads=(number)
      number = Settings.count(number, Settings::MOST_THREADS)
      number.zero? ? @settings.delete(:max_threads) : @settings[:max_threads] = number
    end

    # Processes; 1 serves from this one, a negative number is a part of the cores, 0 is one for each core.
    def workers = @settings.fetch(:workers) { IodineRs.workers || 0 }.clamp(1, nil)
    def workers=(number)
      number = Settings.count(number, Settings::MOST_WORKERS)
      number = Etc.nprocessors if number.zero?
      @settings[:workers] = number == 1 ? 0 : number
    end

    # How much is printed, 0 to 5: below 4 only errors.
    def verbosity = @verbosity || 4
    def verbosity=(level)
      @verbosity = level
      @settings[:silent] = level < 4
    end

    def running? = IodineRs.running?
    def master? = IodineRs.master?
    def worker? = IodineRs.worker?

    # Each returns the block, as iodine does; IodineRs' own return a timer that can be cancelled.
    def run(&block) = IodineRs.run(&block)
    alias defer run
    alias on_idle run

    def run_after(milliseconds, &block)
      IodineRs.run_after(milliseconds || 0, &block)
      block
    end

    def run_every(milliseconds, repetitions = 0, &block)
      IodineRs.run_every(milliseconds, repetitions, &block)
      block
    end

    def on_state(name, &block) = IodineRs.on_state(name, &block)
    def before_fork(&block) = on_state(:before_fork, &block)
    def after_fork(&block) = on_state(:after_fork, &block)
    def after_fork_in_worker(&block) = on_state(:enter_child, &block)
    def after_fork_in_master(&block) = on_state(:enter_master, &block)
    def on_shutdown(&block) = on_state(:on_finish, &block)

    def subscribe(...) = IodineRs.subscribe(...)
    def unsubscribe(...) = IodineRs.unsubscribe(...)
    def publish(...) = IodineRs.publish(...)

    # Rack's own methods are left as they are.
    def patch_rack = require("rack")
  end

  # What `rackup` and old code call.
  module Rack
    # Serves the app until it is told to stop.
    def self.run(app, options = {})
      Iodine.listen(handler: app, port: options[:Port], address: options[:Host])
      Iodine.start
    end

    # Ends it.
    def self.shutdown = Iodine.stop
  end
end
