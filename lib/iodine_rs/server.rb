# frozen_string_literal: true

module IodineRs
  # A server inside your own program. It installs no signal handler, changes nothing outside itself, and there may be
  # several in one process.
  #
  #   server = IodineRs::Server.new(app, max_threads: 3)
  #   server.add_tcp_listener("127.0.0.1", 0)
  #   thread = server.run
  #   server.connected_ports # => [40123]
  #   server.stop(true)      # finishes what has begun
  class Server
    include Monotonic

    # Seconds between two looks whether a draining server has been halted.
    PATIENCE = 0.25
    private_constant :PATIENCE

    # The settings it runs with.
    attr_reader :options

    # @param options [Options, nil] instead of naming any of Options::TABLE here
    # @param log [Log] where problems are printed; an embedded server prints nothing else
    # @param binder [Binder] what it listens on, where that has been opened already
    def initialize(app, options: nil, log: Log.new(out: nil), binder: nil, **named)
      @options = options || Options.new(Options.layer(named))
      @app = @options[:fiber_per_request] ? CleanLocals.new(app) : app
      @access_log = AccessLog.new(@options)
      @log = log
      @binder = binder || Binder.new(development: @options.development?)
      @wishes = Thread::Queue.new
      @halted = false
    end

    # Listens on a port, 0 for a free one; before `run`. "localhost" listens on every loopback address.
    #
    # @return [TCPServer] the socket (the first, if there are several)
    def add_tcp_listener(host, port) = bind(Bind::TCP.new(host.delete("[]"), port, Bind::BACKLOG)).first.io

    # Listens on a Unix socket; before `run`.
    #
    # @return [UNIXServer]
    def add_unix_listener(path) = bind(Bind::Unix.new(path, Bind::BACKLOG)).first.io

    # Reads certificates and keys anew, for the connections to come; returns the addresses that have others now.
    def reload_certificates = @binder.reload_certificates(@log)

    # Listens on an address in the spelling of `--bind` and returns its listeners.
    def bind(address) = @binder.bind(address)

    # The TCP ports it listens on.
    def connected_ports = @binder.connected_ports

    # Everything it listens on.
    def listeners = @binder.listeners

    # Starts serving. The thread it returns ends when the server has stopped; a block is called just before.
    def run(&stopped)
      start
      @thread = Thread.new { serve(&stopped) }
      @thread.name = "iodine-rs server"
      @thread
    end

    # Finishes what has begun, then stops; with `true` waits for that (not from within a request: it would wait for
    # itself).
    def stop(sync = false)
      return @binder.close unless running_here?

      @wishes << :drain
      @thread.join if sync
    end

    # Stops without finishing anything.
    def halt
      return @binder.close unless running_here?

      @halted = true
      @wishes << :halt
    end

    # Other numbers of threads from now on, see ThreadPool#resize; after `run`.
    #
    # @param limits min, max
    def resize_pool(**limits) = @pool.resize(**limits)

    # Ends this process where its master has died and Ruby stands still (in C, with the global VM lock); after `run`.
    #
    # @param lifeline [IO] reading end of a pipe whose other end only the master has
    def die_with(lifeline) = @native.die_with(lifeline.fileno)

    # The file of the access log was moved away. May be called in a signal handler.
    def reopen_access_log
      @native.reopen_access_log if running_here?
    end

    # Figures of this moment, under Puma's names where it has one; times in microseconds (see docs/monitoring.md). Empty
    # before the start.
    #
    # @param begin_anew [Boolean] whether backlog_max and reactor_max count from now on
    def stats(begin_anew: true) = running_here? ? @native.stats(begin_anew).merge!(rss: Memory.resident) : {}

    private

    # Neither threads nor the native core survive in a forked child.
    def running_here? = @thread && @pid == Process.pid

    def start
      @pid = Process.pid
      @native = Native.new(@app, settings)
      @binder.listeners.each { |listener| @native.listen(listener.io.fileno, listener.url, listener.tls&.acceptor) }
      @native.start
      min, max, hooks = @options.values_at(:min_threads, :max_threads, :hooks)
      @pool = ThreadPool.new(@native, @log, min:, max:, hooks:)
      @pool.start
    end

    def settings
      handler = @options[:lowlevel_error_handler]
      reporter = ErrorReporter.new(@log, development: @options.development?, handler:)
      hooks = @options[:hooks]
      out_of_band = -> { hooks.run(:out_of_band, @log) } if hooks.any?(:out_of_band)
      @options.to_native.merge(out_of_band:, **access_log, error_handler: reporter, error_logger: reporter.method(:report),
                               refusal_handler: (reporter.method(:refuse) if handler),
                               null_input: NullInput::INSTANCE, errors_io: @log.err, env:)
    end

    # Where programs look for Puma's configuration (row E-26).
    def env = Puma.offered? && Puma.cli_config ? { Puma::Const::PUMA_CONFIG => Puma.cli_config } : {}

    def access_log
      { access_log_target: @access_log.target, access_log_format: @options[:access_log_format],
        access_log_queue: @options[:access_log_queue] }
    end

    def serve
      drain if @wishes.pop == :drain
    ensure
      @binder.close
      @native.halt
      @pool.stop
      @access_log.finish(PATIENCE)
      yield if block_given?
    end

    # Our copies of the sockets go first: while one is open the kernel still takes connections for it.
    def drain
      dump if @options[:shutdown_debug] == true
      @binder.close
      @native.drain
      force unless drained?(@options[:force_shutdown_after])
    end

    # The app does not finish: it is interrupted, and gets a little time to say so. What it does then is for
    # ThreadPool#stop to end.
    def force
      dump if @options[:shutdown_debug] == "on_force"
      @log.info("- Not waiting any longer for requests to finish")
      @pool.interrupt(ForceShutdown.new("the server stops, and has waited for force_shutdown_after"))
      drained?(@options[:shutdown_grace_time])
    end

    # Waits for the end of all connections, for so many seconds at most (nil for ever); true also where that is not wanted
    # any more.
    def drained?(seconds)
      deadline = now + seconds if seconds
      until @halted || @native.await_drained([PATIENCE, *(deadline - now if deadline)].min.clamp(0, PATIENCE))
        return false if deadline && now >= deadline
      end
      true
    end

    def dump
      @log.info("=== Begin thread backtrace dump ===")
      ThreadBacktraces.print(@log)
      @log.info("=== End thread backtrace dump ===")
    end
  end
end
