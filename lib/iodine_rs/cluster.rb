# frozen_string_literal: true

module IodineRs
  # The master of a cluster: forks the workers, watches over them and replaces those that end. It serves nothing itself
  # and has no thread of its own; between two events it sleeps.
  class Cluster < Runner
    include Monotonic

    autoload :Worker, "iodine_rs/cluster/worker"
    autoload :WorkerHandle, "iodine_rs/cluster/worker_handle"
    autoload :Wear, "iodine_rs/cluster/wear"
    autoload :BootThreads, "iodine_rs/cluster/boot_threads"
    autoload :CheckIns, "iodine_rs/cluster/check_ins"
    autoload :Relay, "iodine_rs/cluster/relay"

    # Signals that are the server's.
    SIGNALS = [*Runner::SIGNALS, "TTIN", "TTOU", "CHLD"].freeze
    # Seconds between two looks at workers that should end.
    PATIENCE = 0.2
    # Seconds until a worker that died as soon as it served, or before, is replaced: twice as many each time, up to a limit.
    BACK_OFF = 0.5
    LONGEST_BACK_OFF = 30
    # A warning that begins as Puma's does (row W-09).
    SINGLE_WORKER = [
      "! WARNING: Detected running cluster mode with 1 worker.",
      "! It serves no more than one process without workers, which needs no master beside it: workers 0.",
      "! It is right where a worker is to be replaced by itself, as by worker_max_rss or worker_timeout.",
      "! silence_single_worker_warning leaves these lines out."
    ].freeze
    private_constant :PATIENCE, :BACK_OFF, :LONGEST_BACK_OFF, :SINGLE_WORKER

    def initialize(options, **)
      super
      @count = options[:workers]
      @workers = []
      @forked = 0
      @phase = 0
      @failures = @restarts = 0
      @forks_from = now
    end

    # Lines of the banner.
    def banner
      preloads = @options[:preload_app]
      lonely = @count == 1 && !@options[:silence_single_worker_warning]
      ["*   Master PID: #{Process.pid}", "*      Workers: #{@count}", *("* Preloading application" if preloads),
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
      waits << @forks_from - now if missing
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

    def fork_missing_workers
      fork_worker(missing) while missing && now >= @forks_from
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
      hold_back
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
      # One that was here before the last failure says nothing about it.
      @failures = 0 if worker.settled? && worker.started > @forks_from
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
      "cluster: #{@workers.count(&:booted?)}/#{@count}, worker_status: [#{workers.join(", ")}]"
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
      hold_back unless worker.settled?
    end

    # An app that cannot live must not keep the machine busy with forking. Workers that die together count once.
    def hold_back
      return if now < @forks_from

      seconds = [BACK_OFF * 2**@failures, LONGEST_BACK_OFF].min
      @failures += 1
      @forks_from = now + seconds
      @log.error("the next worker is forked in #{seconds} s")
    end

    # Whether no worker has had anything to do for `idle_timeout`, as far as they have told.
    def idle?
      limit = @options[:idle_timeout]
      !limit.nil? && all_booted? && @workers.all? { |worker| worker.idle_for >= limit }
    end

    def keep_up
      @workers.select(&:timed_out?).each { |worker| terminate(worker) }
      @workers.select { |worker| worker.index >= @count && !worker.ending? }.each { |worker| cull(worker) }
      recycle
      fork_missing_workers
      @workers.find { |worker| worker.phase != @phase }&.then { |worker| replace(worker) }
    end

    def cull(worker)
      @log.info("- Worker #{worker.index} (PID: #{worker.pid}) terminating")
      worker.stop
    end

    # Replaces worn-out workers one after another; each one serves until its successor does.
    def recycle
      @workers.select { |worker| worker.outgoing? && succeeded?(worker) }.each(&:stop)
      return unless all_booted? && @workers.size == @count && @workers.none?(&:ending?)

      worker = @workers.find(&:worn_out) or return
      @log.info("- Replacing worker #{worker.index} (PID: #{worker.pid}): #{worker.worn_out}")
      worker.step_down
    end

    def succeeded?(worker)
      @workers.any? { |other| other.index == worker.index && !other.outgoing? && other.booted? }
    end

    def terminate(worker)
      return if worker.killed?

      @log.info("! Terminating timed out worker (#{worker.complaint}): #{worker.pid}")
      worker.kill
    end

    # --- Ending -----------------------------------------------------------------------------------------------------

    # Workers of the next phase take the places of the present ones, one after another. A preloaded app would stay as it
    # is: everything begins anew then.
    def phased_restart
      return super if @options[:preload_app]

      @phase += 1
      @service.reloading
      @log.info("- Starting phased worker restart, phase: #{@phase}")
    end

    # The next one has to wait until every other worker serves.
    def replace(worker)
      return if worker.ending? || @workers.size < @count || !@workers.all?(&:booted?)

      @log.info("- Stopping #{worker.pid} for phased upgrade...")
      worker.stop
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
