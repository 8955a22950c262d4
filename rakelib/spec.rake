# frozen_string_literal: true

desc "Run the specs against a real server process; those of the examples are in `rake examples`"
task(spec: :compile) { ruby "-S", "rspec", "--exclude-pattern", "spec/examples/**/*_spec.rb" }

namespace :spec do
  desc "Run the specs marked gc_stress, with a garbage collection at every allocation of the app"
  task(gc_stress: :compile) do
    sh({ "GC_STRESS" => "1" }, RbConfig.ruby, "-S", "rspec", "--tag", "gc_stress")
  end
end
