# frozen_string_literal: true

require "date"
require_relative "machine"
require_relative "summary"

module Bench
  # Writes one scenario's results as Markdown: what was measured, where, and how the servers compare.
  class Report
    # Those the project measures itself against.
    REFERENCES = %w[hyper puma iodine].freeze

    # +runs+ is { threads => [{ server => samples }, { server => failure }] }.
    def initialize(scenario, runs, pace:)
      @scenario = scenario
      @runs = runs
      @pace = pace
    end

    def write(directory)
      path = File.join(directory, "#{Date.today.iso8601}-#{@scenario.name}.md")
      File.write(path, to_markdown)
      path
    end

    def to_markdown
      sections = @runs.flat_map { |threads, (samples, failures)| section(threads, samples, failures) }
      [*head, *sections, *thread_costs, ""].join("\n")
    end

    private

    def head
      ["# #{@scenario.title}", "", "#{Time.now.utc.strftime("%F %R")} UTC", "",
       *Machine.facts.map { |fact| "- #{fact}" },
       "- #{servers.map { |server| "#{server.name} #{server.version}" }.join(", ")}",
       "- #{@pace}", "- other processes: #{foreign}", ""]
    end

    def servers = @runs.values.flat_map { |samples, failures| samples.keys + failures.keys }.uniq

    def foreign
      shares = @runs.values.flat_map { |samples, _| samples.values.flatten.map(&:foreign) }
      return "not measured" if shares.empty?

      format("%.0f %% of the machine in the median round, %.0f %% in the worst",
             Summary.median(shares) * 100, shares.max * 100)
    end

    def section(threads, samples, failures)
      rows = Summary.all(samples, @scenario.loads)
      columns = columns_for(rows)
      ["## 1 process, #{threads} #{threads == 1 ? "thread" : "threads"}", "",
       "| #{columns.keys.join(" | ")} |", "|#{"---|" * columns.size}",
       *rows.map { |row| "| #{columns.values.map { |cell| cell.call(row) }.join(" | ")} |" }, "",
       *failures.map { |server, message| "#{server.name} failed: #{message.lines.first.strip}\n" }]
    end

    def columns_for(rows)
      columns = { "server" => :server.to_proc }
      columns["requests"] = :load.to_proc unless @scenario.loads.one?
      columns.merge!(rate_columns) if @scenario.loads.first.requests.nil?
      columns["CPU µs/request"] = ->(row) { format("%.1f", row.cpu_us) } if @scenario.loads.one?
      columns.merge!(latency_columns, health_columns)
      @scenario.throughput? ? columns.merge(ratio_columns(rows)) : columns
    end

    def rate_columns
      { "req/s" => ->(row) { thousands(row.per_second) },
        "min–max" => ->(row) { row.spread.map { |rate| thousands(rate) }.join("–") } }
    end

    def latency_columns
      { "p50 ms" => ->(row) { format("%.2f", row.p50_ms) }, "p99 ms" => ->(row) { format("%.2f", row.p99_ms) },
        "max ms" => ->(row) { format("%.1f", row.max_ms) }, "worst max" => ->(row) { format("%.1f", row.worst_ms) } }
    end

    def health_columns
      { "PSS MiB" => ->(row) { format("%.1f", row.pss_mib) }, "errors" => :errors.to_proc,
        "others %" => ->(row) { format("%.0f", row.foreign * 100) } }
    end

    def ratio_columns(rows)
      rows.select { |row| REFERENCES.include?(row.server) }.each_with_object({}) do |base, columns|
        columns["req/s ÷ #{base.server}"] = ->(row) { format("%.2f", row.per_second / base.per_second) }
        columns["CPU ÷ #{base.server}"] = ->(row) { format("%.2f", row.cpu_us / base.cpu_us) }
      end
    end

    # What more threads cost the same server.
    def thread_costs
      return [] if @runs.size < 2 || !@scenario.throughput?

      lowest, highest = @runs.keys.minmax
      costs = cpu_by_server(highest).filter_map do |name, cpu|
        before = cpu_by_server(lowest)[name]
        format("%<name>s %<ratio>.2f", name:, ratio: cpu / before) if before
      end
      ["CPU per request with #{highest} threads ÷ with #{lowest}: #{costs.join(", ")}"]
    end

    def cpu_by_server(threads)
      Summary.all(@runs.fetch(threads).first, @scenario.loads).to_h { |row| [row.server, row.cpu_us] }
    end

    def thousands(number) = number.round.to_s.gsub(/(?<=\d)(?=(\d{3})+\z)/, ",")
  end
end
