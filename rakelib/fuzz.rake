# frozen_string_literal: true

FUZZ = "ext/iodine_core/fuzz"
FUZZ_TARGETS = Dir.children("#{FUZZ}/fuzz_targets").map { |file| File.basename(file, ".rs") }.sort.freeze

# More than any honest input needs: a client must not be able to announce memory.
FUZZ_MEGABYTES = 64

# Targets whose threads end by themselves: what such a thread holds looks leaked at that moment (32 bytes of glibc's, for
# its destructors). Whether a server leaks is seen by `rake soak`.
FUZZ_WITH_THREADS = %w[connection].freeze

CARGO_FUZZ_MISSING = <<~TEXT
  cargo-fuzz and a nightly Rust are needed:
    rustup toolchain install nightly --profile minimal
    cargo install cargo-fuzz
TEXT

def cargo_fuzz(command, target, *arguments)
  sh "cargo", "+nightly", "fuzz", command, "--fuzz-dir", FUZZ, "--target-dir", "tmp/fuzz/target", target, *arguments
end

def check_cargo_fuzz
  abort CARGO_FUZZ_MISSING unless system("cargo", "+nightly", "fuzz", "--version", out: File::NULL, err: File::NULL)
end

# What is new goes to tmp/; `rake fuzz:corpus` takes over what is worth keeping.
def fuzz(target, seconds)
  mkdir_p "tmp/fuzz/#{target}", verbose: false
  cargo_fuzz("run", target, "tmp/fuzz/#{target}", "#{FUZZ}/corpus/#{target}", "--", "-max_total_time=#{seconds}",
             "-malloc_limit_mb=#{FUZZ_MEGABYTES}", "-timeout=30", "-print_final_stats=1",
             "-detect_leaks=#{FUZZ_WITH_THREADS.include?(target) ? 0 : 1}")
end

desc "Look for bytes that break the core, 60 seconds a target; FUZZ_SECONDS and FUZZ_TARGET change that"
task :fuzz do
  check_cargo_fuzz
  targets = ENV["FUZZ_TARGET"]&.split(",") || FUZZ_TARGETS
  targets.each { |target| fuzz(target, Integer(ENV.fetch("FUZZ_SECONDS", "60"))) }
end

namespace :fuzz do
  desc "Add to the corpora what the last runs of `rake fuzz` found to be new, as few inputs as reach the same code"
  task :corpus do
    check_cargo_fuzz
    FUZZ_TARGETS.each do |target|
      next unless Dir.exist?("tmp/fuzz/#{target}")

      cargo_fuzz("run", target, "#{FUZZ}/corpus/#{target}", "tmp/fuzz/#{target}", "--", "-merge=1")
    end
  end
end
