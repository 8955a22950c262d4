# frozen_string_literal: true

module Bench
  # The medians of a server's rounds, for one load of a scenario.
  Summary = Data.define(:server, :load, :per_second, :spread, :cpu_us, :p50_ms, :p99_ms, :max_ms, :worst_ms,
                        :pss_mib, :errors, :foreign) do
    def self.all(samples, loads)
      loads.each_with_index.flat_map do |load, index|
        samples.map { |server, rounds| of(server, load, rounds, rounds.map { |sample| sample.results[index] }) }
      end
    end

    def self.of(server, load, rounds, results)
      rates = results.map(&:per_second)
      new(server: server.name, load: load.name, per_second: median(rates), spread: rates.minmax,
          cpu_us: median(rounds.map(&:cpu_us_per_request)),
          p50_ms: median(results.map(&:p50_ms)), p99_ms: median(results.map(&:p99_ms)),
          max_ms: median(results.map(&:max_ms)), worst_ms: results.map(&:max_ms).max,
          pss_mib: median(rounds.map(&:pss_kib)) / 1024.0, errors: results.sum(&:errors),
          foreign: median(rounds.map(&:foreign)))
    end
    private_class_method :of

    def self.median(values)
      sorted = values.sort
      middle = sorted.size / 2
      sorted.size.odd? ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0
    end
  end
end
