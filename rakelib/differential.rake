# frozen_string_literal: true

desc "Send N mutated requests (N=2000, SEED=1) to this server, Puma and nginx, and show where they differ"
task(differential: :compile) do
  $LOAD_PATH.unshift("spec")
  require "rspec/expectations"
  require "differential/comparison"
  abort "differences without a reason" unless Differential::Comparison.new(seed: Integer(ENV.fetch("SEED", 1))).run(Integer(ENV.fetch("N", 2000)))
end
