# frozen_string_literal: true

require "yaml"
require_relative "contestants"
require_relative "conversation"
require_relative "mutation"

module Differential
  # Asks all servers the same, and sorts what differs: by a reason of reasons.yml, or as something new.
  class Comparison
    # A kind of difference that is fine: its outcomes, and what the bytes look like.
    Reason = Struct.new(:outcomes, :bytes, :text) do
      def covers?(outcome, bytes) = outcomes.all? { |server, pattern| outcome[server].match?(pattern) } && bytes.match?(self.bytes)
    end
    REASONS = YAML.load_file(File.expand_path("reasons.yml", __dir__)).map do |entry|
      outcomes = entry.slice("ours", "puma", "nginx").to_h { |server, text| [server.to_sym, /\A(?:#{text})\z/] }
      Reason.new(outcomes, Regexp.new((entry["bytes"] || "").b, Regexp::NOENCODING | Regexp::IGNORECASE | Regexp::MULTILINE), entry.fetch("reason"))
    end
    # Conversations at once.
    THREADS = 16
    # Requests of a new kind that are shown.
    SHOWN = 3
    private_constant :Reason, :REASONS, :THREADS, :SHOWN

    def initialize(seed:, out: $stdout)
      @mutation = Mutation.new(seed)
      @out = out
    end

    # @return [Boolean] whether every difference has a reason
    def run(count)
      requests = Array.new(count) { @mutation.take }
      results = Contestants.run { |ports| ask(requests, ports) }
      differing = results.reject { |_, outcome| outcome.values.uniq.one? }
      @out.puts "#{count} requests, #{differing.size} with different outcomes"
      report(differing)
    end

    private

    # The outcome of each, by server.
    def ask(requests, ports)
      queue, results = Thread::Queue.new(requests), Thread::Queue.new
      queue.close
      threads = Array.new(THREADS) do
        Thread.new do
          while (bytes = queue.pop)
            results << [bytes, ports.transform_values { |port| Conversation.outcome(port, bytes) }]
          end
        end
      end
      threads.each(&:join)
      Array.new(results.size) { results.pop }
    end

    def report(differing)
      known, new = differing.map { |bytes, outcome| [bytes, outcome, REASONS.find { |reason| reason.covers?(outcome, bytes) }] }.partition(&:last)
      known.group_by(&:last).sort_by { |_, cases| -cases.size }.each { |reason, cases| @out.puts format("%6d  %s", cases.size, reason.text) }
      new.group_by { |_, outcome| outcome }.each { |outcome, cases| show(outcome, cases) }
      new.empty?
    end

    def show(outcome, cases)
      @out.puts "", "#{cases.size} new: #{outcome.map { |server, text| "#{server} #{text}" }.join(", ")}"
      cases.first(SHOWN).each { |bytes,| @out.puts "    #{bytes.inspect}" }
    end
  end
end
