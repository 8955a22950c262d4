# frozen_string_literal: true

module IodineRs
  module Puma
    # A server inside a program, as test tools and gems start one. It installs no signal handler.
    #
    #   server = Puma::Server.new(app, nil, min_threads: 1, max_threads: 4)
    #   server.add_tcp_listener("127.0.0.1", 0)
    #   server.run
    #   server.stop(true)
    class Server
      attr_reader :options, :events, :log_writer, :binder, :thread
      attr_accessor :min_threads, :max_threads

      # It may be exchanged at any time.
      attr_accessor :app

      # @param events [Events, nil]
      # @param options [Hash, UserFileDefaultOptions] by Puma's names; those that mean nothing here are left out
      def initialize(app, events = nil, options = {})
        @app = app
        @events = events || Events.new
        @options = options.is_a?(Hash) ? UserFileDefaultOptions.new(options) : options
        @log_writer = @options.fetch(:log_writer, LogWriter.stdio)
        @sockets = IodineRs::Binder.new
        @binder = Binder.new(@log_writer, binder: @sockets)
        @min_threads, @max_threads = @options.to_options.then { |settings| [settings[:min_threads], settings[:max_threads]] }
      end

      # Listens on a port; see Binder.
      def add_tcp_listener(...) = binder.add_tcp_listener(...)

      # Listens on an encrypted port; see Binder.
      def add_ssl_listener(...) = binder.add_ssl_listener(...)

      # Listens on a Unix socket; see Binder.
      def add_unix_listener(...) = binder.add_unix_listener(...)

      # The TCP ports it listens on.
      def connected_ports = binder.connected_ports

      # Starts serving. Returns a thread that ends when the server has stopped, or with false waits for that.
      def run(background = true, **)
        @events.fire(:state, :booting)
        @server = IodineRs::Server.new(->(env) { app.call(env) }, options: settings, log: Log.new(out: nil, err: log_writer.stderr), binder: @sockets)
        @thread = @server.run { @events.fire(:state, :done) }
        @events.fire(:state, :running)
        background ? @thread : @thread.join
      end

      # Finishes what has begun, then stops; with `true` waits for that.
      def stop(sync = false) = finish(:stop, sync) { @server.stop }

      # Stops without finishing anything.
      def halt(sync = false) = finish(:halt, sync) { @server.halt }

      # The same as `stop`: what comes afterwards is the caller's.
      def begin_restart(sync = false) = finish(:restart, sync) { @server.stop }

      # Other numbers of threads from now on. What cannot be is told to the log writer, and changes nothing.
      def update_thread_pool_min_max(min: min_threads, max: max_threads)
        return unless @server.nil? || @server.resize_pool(min:, max:)

        @min_threads, @max_threads = min, max
      end

      # Whether it has been told to stop.
      def shutting_down? = %i[stop halt restart].include?(@state)

      # Figures of this moment, by Symbol.
      def stats = @server ? @server.stats : { max_threads:, requests_count: 0 }

      # Threads.
      def running = stats.fetch(:running, 0)

      # Requests that wait for a thread.
      def backlog = stats.fetch(:backlog, 0)

      # Requests that could be served at once.
      def pool_capacity = stats.fetch(:pool_capacity, 0)

      # Threads that are busy, and requests that wait.
      def busy_threads = stats.fetch(:busy_threads, 0)

      # Requests so far.
      def requests_count = stats.fetch(:requests_count, 0)

      # What the client of a failed request gets. Gems that report errors prepend theirs to it (see Puma.report).
      def lowlevel_error(_error, _env, status = 500) = [status, {}, []]

      private

      def finish(state, sync)
        return binder.close unless @server

        @state = state
        @events.fire(:state, state)
        yield
        @thread.join if sync
      end

      def settings
        @options.user_options.merge!(min_threads: [min_threads, max_threads].min, max_threads:)
        @options.to_options
      end
    end
  end
end
