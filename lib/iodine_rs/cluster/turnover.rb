# frozen_string_literal: true

module IodineRs
  class Cluster
    # Which workers have to go, so that others come or because they are too many.
    class Turnover
      # `workers` is the master's own list of WorkerHandle.
      def initialize(workers, log)
        @workers = workers
        @log = log
      end

      # Kills workers that have been silent for too long.
      def terminate_late
        @workers.select(&:timed_out?).each { |worker| terminate(worker) }
      end

      # Stops workers beyond `count`.
      def cull(count)
        @workers.select { |worker| worker.index >= count && !worker.ending? }.each do |worker|
          @log.info("- Worker #{worker.index} (PID: #{worker.pid}) terminating")
          worker.stop
        end
      end

      # Stops worn-out workers whose successors serve.
      def relieve
        @workers.select { |worker| worker.outgoing? && succeeded?(worker) }.each(&:stop)
      end

      # Lets the next worn-out worker wait for its successor: one after another.
      def recycle
        return if @workers.any?(&:ending?)

        worker = @workers.find(&:worn_out) or return
        @log.info("- Replacing worker #{worker.index} (PID: #{worker.pid}): #{worker.worn_out}")
        worker.step_down
      end

      # Stops the next worker of another phase than `phase`, once every other one serves.
      def replace(phase)
        worker = @workers.find { |candidate| candidate.phase != phase }
        return if worker.nil? || worker.ending? || !@workers.all?(&:booted?)

        @log.info("- Stopping #{worker.pid} for phased upgrade...")
        worker.stop
      end

      private

      def terminate(worker)
        return if worker.killed?

        @log.info("! Terminating timed out worker (#{worker.complaint}): #{worker.pid}")
        worker.kill
      end

      def succeeded?(worker)
        @workers.any? { |other| other.index == worker.index && !other.outgoing? && other.booted? }
      end
    end
  end
end
