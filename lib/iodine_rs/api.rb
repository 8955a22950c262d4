# frozen_string_literal: true

# What an app calls on the module itself. Nothing of the native core is loaded before the first call.
module IodineRs
  class << self
    # Subscribes a block (or `handler:`, an object with `call`) to a channel; it is called with the channel's name and
    # the message, one at a time, in a thread of its own.
    #
    #   IodineRs.subscribe("chat") { |channel, message| … }
    #   IodineRs.subscribe("chat.*", match: :redis) { |channel, message| … }
    #
    # @return [String, Symbol] the channel, as `unsubscribe` takes it
    # @raise [ArgumentError] without a channel or a block
    def subscribe(...) = PubSub.subscribe(...)

    # Ends the subscription made by `subscribe` with this name.
    #
    # @return [Boolean] whether there was one
    def unsubscribe(...) = PubSub.unsubscribe(...)

    # Publishes a String to everybody who subscribed to the channel, in every process of this server.
    #
    #   IodineRs.publish("chat", "hello")
    #   IodineRs.publish(to: "chat", message: "hello")
    #   IodineRs.publish("chat", "hello", false)          # only in this process
    #   IodineRs.publish("chat", "hello", engine)         # by that engine
    #
    # @return [true]
    # @raise [TypeError, ArgumentError]
    def publish(...) = PubSub.publish(...)

    # Runs the block soon, in one of the threads that all such blocks share (Timers::THREADS); returns the block. Also
    # known as `defer`.
    def run(&block) = Timers.run(&block)
    alias defer run

    # Runs the block once after so many milliseconds.
    #
    # @return [Timers::Timer] `cancel` ends it
    def run_after(milliseconds, &block) = Timers.after(milliseconds, &block)

    # Runs the block every so many milliseconds: `repetitions` times, or for ever where that is 0. It never overlaps
    # itself.
    #
    # @return [Timers::Timer] `cancel` ends it
    def run_every(milliseconds, repetitions = 0, &block) = Timers.every(milliseconds, repetitions, &block)

    # Runs the block at a moment in the server's life: see Life::STATES.
    def on_state(name, &block) = Life.on(name, &block)

    # Whether a server started by the command or the rackup handler runs in this process.
    def running? = Life.running?

    # Whether this is the process that was started first, or its only one.
    def master? = Life.master?

    # Whether this process serves requests.
    def worker? = Life.worker?

    # Threads for the app, at most; nil before the server runs.
    def threads = Life.options&.[](:max_threads)

    # Worker processes; nil before the server runs.
    def workers = Life.options&.[](:workers)

    # Figures under Puma's names and more (see docs/monitoring.md): in a master those of the cluster, in a worker its own.
    # Empty before the server runs.
    #
    # @return [Hash{Symbol => Object}]
    def stats_hash = Life.stats

    # The same as JSON.
    #
    # @return [String]
    def stats = Json.generate(stats_hash)

    # Finishes what has begun, then ends the server.
    def stop = Life.stop
  end
end
