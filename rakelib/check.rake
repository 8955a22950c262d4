# frozen_string_literal: true

# What has to pass, in this order: name => task. Cheap checks first, so that a slip shows early.
CHECKS = {
  "extension compiles" => "compile", "Rust formatting" => "rust:fmt", "Rust lints" => "rust:clippy",
  "core tests" => "rust:test", "models of the hand-off" => "models", "Rust dependencies" => "deny", "signatures" => "sig",
  "specs, also those of the examples" => "spec", "comparison with Puma and nginx" => "differential",
  "specs under GC stress" => "spec:gc_stress", "WebSocket cases" => "kosoku", "packaged gem serves" => "package"
}.freeze

def seconds_taken
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  yield
  (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).round(1)
end

def run_check(name, task)
  puts "\n== #{name} (rake #{task})"
  seconds = seconds_taken { Rake::Task[task].invoke }
  puts "== #{name}: passed in #{seconds} s"
rescue SystemExit, StandardError => e
  abort "== #{name}: FAILED (#{e.message}); run it alone with `rake #{task}`"
end

desc "Everything that has to pass before a push, in order; stops at the first failure"
task(:check) do
  $stdout.sync = true
  total = seconds_taken { CHECKS.each { |name, task| run_check(name, task) } }
  puts "\n== all #{CHECKS.size} checks passed in #{total} s: #{CHECKS.keys.join(", ")}"
end
