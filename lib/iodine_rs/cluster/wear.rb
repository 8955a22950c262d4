# frozen_string_literal: true

module IodineRs
  class Cluster
    # When one worker has done enough (`worker_max_requests`, `worker_max_rss`). Its limits are lower by a random part, so
    # that workers that were forked together are not worn out together.
    class Wear
      MEGABYTE = 1024 * 1024
      RESPONSES = (1..5).map { |digit| :"responses_#{digit}xx" }.freeze
      private_constant :MEGABYTE, :RESPONSES

      def initialize(options, random: Random)
        @part = 1 - random.rand * options[:worker_recycle_jitter] / 100
        @requests, @memory = %i[worker_max_requests worker_max_rss].map { |name| options[name]&.*(@part)&.round }
      end

      # Why the worker should be replaced, in words; nil while it need not be.
      #
      # @param stats [Hash] its figures
      def complaint(stats)
        requests = stats.values_at(*RESPONSES).sum(&:to_i)
        return "it has served #{requests} requests (worker_max_requests)" if @requests && requests >= @requests

        bytes = stats[:rss] if @memory
        "it has #{bytes / MEGABYTE} MiB of memory (worker_max_rss)" if bytes && bytes >= @memory
      end
    end
  end
end
