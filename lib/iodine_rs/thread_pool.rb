# frozen_string_literal: true

module IodineRs
  # The Ruby threads of one server. The native core decides how many there are: a supervisor waits for its wish and
  # starts a thread, which runs requests until the core sends it home. A thread that the app kills or raises into is
  # replaced in the same way.
  class ThreadPool
    include Monotonic

    # Seconds between two attempts where the system has no thread to give.
    RETRY = 0.5
    # Seconds the threads get to end by themselves, and after a kill.
    GRACE = 0.2
    private_constant :RETRY, :GRACE

    # Threads that are kept when there is nothing to do, and threads that may be inside the app at once.
    attr_reader :min, :max

    def initialize(native, log, min: 0, max: [min, 1].max, hooks: Hooks.new)
      @native = native
      @log = log
      @min = min
      @max = max
      @hooks = hooks
      @threads = {}
      @lock = Mutex.new
      @stopped = false
      @pid = Process.pid
    end

    # Starts the threads that are always there, and the supervisor. Returns when `before_thread_start` has run in each of
    # them, so that it comes before `after_booted`.
    def start
      ready = Thread::Queue.new
      Array.new(@min) { add(ready) }.each { ready.pop }
      @supervisor = thread("iodine-rs supervisor") { add while @native.await_vacancy }
    end

    # Waits until every thread has gone home, after the core has stopped; those that do not are killed.
    def stop
      @stopped = true
      remaining = [@supervisor, *@lock.synchronize { @threads.values }].compact - [Thread.current]
      return if joined?(remaining)

      remaining.each(&:kill)
      joined?(remaining)
    end

    # Raises in every thread: in the app where it is there, else the thread ends and is replaced.
    def interrupt(error) = @lock.synchronize { @threads.values.compact }.each { |thread| thread.raise(error) }

    # Other limits from now on: threads that are missing come at once, those that are too many go home when they have
    # finished. What cannot be is printed, and changes nothing.
    #
    # @return [Boolean] whether they have changed
    def resize(min: @min, max: @max)
      mistake = mistake(min, max)
      @log.error(mistake) if mistake
      return false if mistake

      @min, @max = min, max
      @native.resize(min, max)
      true
    end

    # Threads at this moment.
    def size = @lock.synchronize { @threads.size }

    private

    # In Puma's words.
    def mistake(min, max)
      return "`min' value cannot be less than 0" if min.negative?
      return "`max' value cannot be less than 1" if max < 1

      "`min' value cannot be greater than `max' value." if min > max
    end

    def joined?(threads)
      limit = now + GRACE
      threads.all? { |thread| ended?(thread, [limit - now, 0].max) }
    end

    # Thread#join raises what the thread has died of, which an app may have raised in it while it told of its end.
    def ended?(thread, seconds)
      thread.join(seconds)
    rescue Exception
      raise if thread.alive?

      true
    end

    # Adds one thread. Out of threads, it waits: the core asked for one and counts on it.
    #
    # @param ready [Thread::Queue, nil] is told when the hook has run
    def add(ready = nil)
      number = @lock.synchronize { free_number.tap { |free| @threads[free] = nil } }
      worker = thread(format("iodine-rs worker %03d", number)) { work(number, ready) }
      @lock.synchronize { @threads[number] = worker if @threads.key?(number) }
    rescue ThreadError => error
      @lock.synchronize { @threads.delete(number) }
      @log.error("no thread to be had (#{error.message}), trying again")
      sleep RETRY
      retry unless @stopped
      ready&.push(false)
    end

    # Numbers are used again, so that names stay short.
    def free_number = (1..).find { |number| !@threads.key?(number) }

    def work(number, ready)
      begin_thread(ready)
      @native.work
    ensure
      @hooks.run(:before_thread_exit, @log)
      @lock.synchronize { @threads.delete(number) }
    end

    def begin_thread(ready)
      @hooks.run(:before_thread_start, @log, PoolControl.new(self))
    ensure
      ready&.push(true)
    end

    # Ruby's own report would be a second one without the time.
    def thread(name)
      Thread.new do
        Thread.current.name = name
        Thread.current.report_on_exception = false
        yield
      rescue ForceShutdown
        # It was not inside the app.
      rescue Exception => error
        # A child that the app forked in a request ends as the app wants it to.
        raise unless Process.pid == @pid

        @log.error("#{name} ended: #{error.class}: #{error.message} (#{error.backtrace&.first})")
      end
    end
  end
end
