# frozen_string_literal: true

module IodineRs
  class Cluster
    # Warns about threads that a preloaded app has started: they stay in the master, and the workers miss them (row W-08).
    # Whoever knows that marks his with `thread_variable_set(:fork_safe, true)`, as Rails does.
    module BootThreads
      # The server's own, by their names: they begin anew in each process.
      OWN = "iodine-rs "
      private_constant :OWN

      # Runs the block, which loads the app, and returns what it does.
      def self.watch(log)
        before = Thread.list
        yield.tap { tell(Thread.list - before, log) }
      end

      def self.tell(threads, log)
        threads = threads.reject { |thread| thread.thread_variable_get(:fork_safe) || thread.name&.start_with?(OWN) }
        return if threads.empty?

        log.info("! WARNING: Detected #{threads.size} Thread(s) started in app boot:")
        threads.each { |thread| log.info("! #{thread.inspect} - #{thread.backtrace&.first}") }
      end
      private_class_method :tell
    end
  end
end
