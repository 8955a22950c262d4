# frozen_string_literal: true

require "shellwords"

# A command of bench/, with the words of ARGS.
def bench_command(name)
  run = -> { ruby "bench/#{name}", *ENV.fetch("ARGS", "").shellsplit }
  defined?(Bundler) ? Bundler.with_unbundled_env(&run) : run.call
end

desc "Look for what grows under a long load; ARGS=--full takes the whole count, ARGS=--help lists the options"
task(soak: %w[compile bench:load_client]) { bench_command("soak") }

namespace :soak do
  desc "Measure ordinary requests while slowhttptest's clients are there; ARGS as for soak"
  task(slow: :compile) { bench_command("slow") }

  desc "Measure memory and requests beside an idle crowd; ARGS as for soak"
  task(crowd: %w[compile bench:load_client]) { bench_command("crowd") }
end
