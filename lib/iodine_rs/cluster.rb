# frozen_string_literal: true

module IodineRs
  # The master of a cluster: forks the workers, watches over them and replaces those that end. It serves nothing itself
  # and has no thread of its own; between two events it sleeps.
  class Cluster < Runner
    autoload :Worker, "iodine_rs/cluster/worker"
    autoload :WorkerHandle, "iodine_rs/cluster/worker_handle"
    autoload :Wear, "iodine_rs/cluster/wear"
    autoload :BackOff, "iodine_rs/cluster/back_off"
    autoload :Turnover, "iodine_rs/cluster/turnover"
    autoload :BootThreads, "iodine_rs/cluster/boot_threads"
    autoload :CheckIns, "iodine_rs/cluster/check_ins"
    autoload :Relay, "iodine_rs/cluster/relay"

    # Signals that are the server's.
    SIGNALS = [*Runner::SIGNALS, "TTIN", "TTOU", "CHLD"].freeze
    # Seconds between two looks at workers that should end.
    PATIENCE = 0.2
    # A warning that begins as Puma's does (row W-09).
    SINGLE_WORKER = [
      "! WARNING: Detected running cluster mode with 1 worker.",
      "! It serves no more than one process without workers, which needs no master beside it: workers 0.",
      "! It is right where a worker is to be replaced by itself, as by worker_max_rss or worker_timeout.",
      "! silence_single_worker_warning leaves these lines out."
    ].freeze
    private_constant :PATIENCE, :SINGLE_WORKER

    def initialize(options, **)
      super
      @count = options[:workers]
      @workers = []
      @forked = 0
      @phase = 0
      @restarts = 0
      @back_off = BackOff.new(@log)
      @turnover = Turnover.new(@workers, @log)
    end

    # Lines of the banner.
    def banner
      preloads = @options[:preload_app]
      lonely = @count == 1 && !@options[:silence_single_worker_warning]
      ["*   Master PID: #{Process.pid}", "*      Workers: #{@count}",
       "*     Restarts: (✔) hot (#{preloads ? "✖" : "✔"}) phased (✖) refork", *("* Preloading application" if preloads),
       *(SINGLE_WORKER if lonely)]
    end

    # Makes the app ready, before anything listens. Without `preload_app` each worker loads it for itself.
    def load(app)
      @app = app || (BootThreads.watch(@log) { Rackup.app(@options) } if @options[:preload_app])
    end

    # Keeps the workers running until it is told to stop; returns the word that ended it.
    def run
      @master = Process.pid
      @check_ins = CheckIns.new
      @relay = PubSub.relay = Relay.new(@options[:max_relay], @log, @inbox)
      @hooks.run(:before_fork, @log)
      announce_start
      collect_garbage
      fork_missing_workers
      connect_redis
      Life.enter(:enter_master)
      turn until @reason && @workers.empty?
      @hooks.run(:after_stopped, @log) unless restarting?
      @reason
    ensure
      PubSub.relay = nil
    end

    # Figures of the cluster and, as they last told, of its workers.
    def stats
      { workers: @workers.size, phase: @phase, booted_workers: @workers.count(&:booted?),
        old_workers: @workers.count { |worker| worker.phase != @phase }, worker_restarts: @restarts,
        worker_status: @workers.map(&:status) }
    end

    # Figures of the workers for Metrics.
    def figures
      booted = @workers.select(&:booted?)
      booted.to_h { |worker| [{ worker: worker.index }, worker.figures] }
    end

    # Figures of the cluster as a whole.
    def server_figures
      { workers: @workers.size, booted_workers: @workers.count(&:booted?), worker_restarts_total: @restarts }
    end

    # Prints a line. For gems that watch the workers from a thread of the master: they find this object by its class, and
    # the workers in `@workers`.
    def log(line) = @log.info(line)

    # Ends at once whatever still runs.
    def halt
      return unless @master == Process.pid

      @workers.each(&:kill).each(&:await_end)
    end

    private

    # One turn of the master's life: what has arrived, who has ended, who is late, who is missing.
    def turn
      await_events
      [*@inbox.take, *("USR2" if @restart_file&.touched?)].each { |word| obey(word) }
      @check_ins.take.each { |check_in| note(check_in) }
      reap
      @service.tick { describe }
      keep_up unless @reason
      stop_idle if !@reason && idle?
      @workers.each(&:hurry_up)
    end

    def await_events
      readers, writers = [@inbox, @check_ins, *@relay.readers, *@admin.readers], [*@relay.writers, *@admin.writers]
      readable, writable = IO.select(readers, writers, nil, [patience, *@admin.patience].min)
      @relay.turn(readable || [], writable || [])
      @admin.turn(readable || [], writable || [])
    end

    # Seconds until something has to be looked at without an event.
    def patience
      return PATIENCE if @reason || @workers.any?(&:ending?)

      waits = @workers.map(&:time_left)
      waits << @back_off.time_left if missing
      waits << RestartFile::INTERVAL if @restart_file
      waits << @service.patience if @service.any?
      [waits.min, 0].max
    end

    def obey(word)
      case word
      when "TTIN" then @count += 1
      when "TTOU" then @count -= 1 if @count > 1
      else super
      end
    end

    # --- Forking ----------------------------------------------------------------------------------------------------

    # Once here, with room for what comes. A worker that found none would begin with a collection of its own, and so have a
    # copy of all that it shares with the others.
    def collect_garbage
      GC.start if @options[:preload_app]
    end

    def fork_missing_workers
      fork_worker(missing) while missing && @back_off.over?
    end

    # The lowest number that no worker has, or one that waits for its successor.
    def missing = ((0...@count).to_a - @workers.reject(&:outgoing?).map(&:index)).first

    def fork_worker(index)
      key = @forked += 1
      @hooks.run(:before_worker_fork, @log, index)
      Life.enter(:before_fork)
      socket = @relay.open(key)
      worker = Worker.new(index, @phase, app: @app, options: @options, binder: @binder, log: @log, redirect: @redirect)
      pid = without_threads { Process.fork { start(worker, socket) } }
      socket.close
      @workers << WorkerHandle.new(key, index, pid, @phase, @options)
      Life.enter(:after_fork)
      @hooks.run(:after_worker_fork, @log, index)
    rescue Errno::EAGAIN, Errno::ENOMEM => error
      cannot_fork(error, key)
    end

    # The system has no process to give. The workers that are there go on; without any the server ends (row X-06).
    def cannot_fork(error, key)
      @relay.remove(key)
      raise unless @workers.any?(&:booted?)

      @log.error("cannot fork a worker: #{error.message}")
      @back_off.failed
    end

    def without_threads(&) = PubSub.redis ? PubSub.redis.pause(&) : yield

    # As one more process that publishes and listens.
    def connect_redis
      return unless PubSub.redis

      PubSub.redis.open(@relay.open(:redis))
      PubSub.attach(PubSub.redis)
    end

    # In the new process: leaves what is the master's, and serves.
    def start(worker, socket)
      Worker.end_at_once(@inbox)
      PubSub.relay = nil
      @relay.close
      @admin.close
      worker.run(@check_ins.for_worker, socket)
    end

    # --- Watching ---------------------------------------------------------------------------------------------------

    def note((pid, word, stats))
      worker = @workers.find { |candidate| candidate.pid == pid } or return
      worker.check_in(stats)
      @back_off.lives(worker)
      return worker.stop if word == "stopping"
      return unless word == "booted"

      worker.booted
      @log.info(format("- Worker %d (PID: %d) booted in %.2fs, phase: %d", worker.index, pid, worker.age, worker.phase))
      tell_booted if all_booted? && @told != @phase
    end

    # Once for each phase: a worker that is replaced is no news.
    def tell_booted
      @told = @phase
      @hooks.run(:after_booted, @log)
      @service.ready
    end

    # For `systemctl status`.
    def describe
      workers = @workers.map { |worker| ServiceManager.describe(worker.figures) }
      "cluster: #{@workers.count(&:booted?)}/#{@count}, worker_status: [#{workers.join(",")}]"
    end

    def all_booted?
      @workers.size >= @count && @workers.all? { |worker| worker.booted? && worker.phase == @phase }
    end

    # Asks for each worker by its number: children of the app are the app's. As process 1 it is the parent of every orphan.
    def reap
      @workers.select(&:ended?).each { |worker| bury(worker) }
      nil while Process.pid == 1 && Process.wait(-1, Process::WNOHANG)
    rescue Errno::ECHILD
      # There is no other child.
    end

    def bury(worker)
      @workers.delete(worker)
      @relay.remove(worker.key)
      @hooks.run(:after_worker_shutdown, @log, worker)
      @restarts += 1 if !@reason && worker.index < @count
      return if @reason || worker.ending?

      @log.error("worker #{worker.index} (PID: #{worker.pid}) ended unexpectedly: #{worker.process_status}")
      Life.enter(:on_child_crush)
      @back_off.failed unless worker.settled?
    end

    # Whether no worker has had anything to do for `idle_timeout`, as far as they have told.
    def idle?
      limit = @options[:idle_timeout]
      !limit.nil? && all_booted? && @workers.all? { |worker| worker.idle_for >= limit }
    end

    def keep_up
      @turnover.terminate_late
      @turnover.cull(@count)
      @turnover.relieve
      @turnover.recycle if all_booted? && @workers.size == @count
      fork_missing_workers
      @turnover.replace(@phase) if @workers.size >= @count
    end

    # --- Ending -----------------------------------------------------------------------------------------------------

    # Workers of the next phase take the places of the present ones, one after another. A preloaded app would stay as it
    # is: everything begins anew then. The name of the directory may lead to another release by now.
    def phased_restart
      return super if @options[:preload_app]

      Dir.chdir(@directory)
      @phase += 1
      @service.reloading
      @log.info("- Starting phased worker restart, phase: #{@phase}")
    rescue SystemCallError => error
      @log.error("no phased restart: #{error.message}")
    end

    def reopen_logs
      super
      @workers.each(&:reopen_logs)
    end

    def cut_short = @workers.each(&:kill)

    def finish
      announce_end("- Gracefully shutting down workers...")
      @binder.close
      stop_workers
    end

    def stop_workers = @workers.each(&:stop)
  end
end
