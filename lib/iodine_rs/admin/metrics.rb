# frozen_string_literal: true

module IodineRs
  class Admin
    # The figures for Prometheus, in its text format. In a cluster the master gives those that the workers sent last, each
    # under the label `worker`.
    class Metrics
      PATH = "/metrics"
      TYPE = "text/plain; version=0.0.4; charset=utf-8"

      # Figures of each process: name, type, meaning, and the values by labels.
      PROCESS = [
        [:requests_total, :counter, "Requests that a thread has taken.", ->(f) { { {} => f[:requests_count] } }],
        [:responses_total, :counter, "Responses by the class of their status.",
         ->(f) { (1..5).to_h { |digit| [{ class: "#{digit}xx" }, f[:"responses_#{digit}xx"]] } }],
        [:received_bytes_total, :counter, "Bytes that clients have sent.", ->(f) { { {} => f[:bytes_received] } }],
        [:sent_bytes_total, :counter, "Bytes that were sent to clients.", ->(f) { { {} => f[:bytes_sent] } }],
        [:backlog, :gauge, "Complete requests that wait for a thread.", ->(f) { { {} => f[:backlog] } }],
        [:threads, :gauge, "Threads of the pool.", ->(f) { { {} => f[:running] } }],
        [:threads_busy, :gauge, "Threads inside the app, and requests that wait for one.",
         ->(f) { { {} => f[:busy_threads] } }],
        [:threads_max, :gauge, "Threads that may be inside the app at once.", ->(f) { { {} => f[:max_threads] } }],
        [:stream_threads, :gauge, "Threads in a streaming body, beside the pool.", ->(f) { { {} => f[:streams] } }],
        [:sockets, :gauge, "Open connections by protocol.",
         lambda { |f|
           { { protocol: "http" } => f[:http_connections], { protocol: "websocket" } => f[:websockets],
             { protocol: "sse" } => f[:event_streams] }
         }],
        [:gvl_wait_seconds_total, :counter, "Waiting for the global VM lock, of all threads together.",
         ->(f) { { {} => f[:gvl_wait] / 1e6 } }],
        [:pubsub_publications_total, :counter, "Publications that reached the process.",
         ->(f) { { {} => f[:publications] } }],
        [:pubsub_deliveries_total, :counter, "Subscribers that got one.", ->(f) { { {} => f[:deliveries] } }],
        [:resident_memory_bytes, :gauge, "Resident memory.", ->(f) { { {} => f[:rss] } }]
      ].freeze

      # Figures of the whole server.
      SERVER = [
        [:uptime_seconds, :gauge, "Time since the start."],
        [:accept_queue, :gauge, "TCP connections that wait in the kernel to be accepted."],
        [:workers, :gauge, "Worker processes."],
        [:booted_workers, :gauge, "Worker processes that serve."],
        [:worker_restarts_total, :counter, "Workers that had to be replaced."]
      ].freeze
      private_constant :TYPE, :PROCESS, :SERVER

      def initialize(launcher)
        @launcher = launcher
      end

      # @return [Array] status, content type, body
      def call(path, _query)
        return [404, "text/plain", "It is at #{PATH}"] unless [PATH, "/"].include?(path)

        [200, TYPE, render]
      end

      private

      def render
        processes = @launcher.figures
        server = @launcher.server_figures
        families = [[:info, :gauge, "Version.", { { version: VERSION, ruby: RUBY_VERSION } => 1 }]]
        families += SERVER.filter_map { |name, *about| [name, *about, { {} => server[name] }] if server.key?(name) }
        families += PROCESS.map { |name, type, about, values| [name, type, about, by_process(processes, &values)] }
        [*families.map { |family| family(*family) }, queue_time(processes)].join
      end

      # Values by labels of all processes.
      def by_process(processes)
        processes.flat_map { |labels, figures| yield(figures).map { |own, value| [{ **labels, **own }, value] } }.to_h
      end

      def family(name, type, about, values)
        [head(name, type, about), *values.map { |labels, value| sample(name, labels, value) }].join
      end

      def head(name, type, about) = "# HELP iodine_rs_#{name} #{about}\n# TYPE iodine_rs_#{name} #{type}\n"

      def sample(name, labels, value)
        pairs = labels.map { |label, text| "#{label}=\"#{text}\"" }.join(",")
        "iodine_rs_#{name}#{"{#{pairs}}" unless pairs.empty?} #{value}\n"
      end

      # How long requests waited for a thread, as a histogram: each bucket also counts those of the buckets before.
      def queue_time(processes)
        name = :queue_time_seconds
        lines = processes.flat_map do |labels, figures|
          so_far = 0
          limits = [*Native::QUEUE_TIME_LIMITS.map { |limit| limit / 1e6 }, "+Inf"]
          buckets = limits.zip(figures[:queue_times]).map do |limit, count|
            sample(:"#{name}_bucket", { **labels, le: limit }, so_far += count)
          end
          [*buckets, sample(:"#{name}_sum", labels, figures[:queue_time] / 1e6), sample(:"#{name}_count", labels, so_far)]
        end
        [head(name, :histogram, "From the last byte of a request to the thread that took it."), *lines].join
      end
    end
  end
end
