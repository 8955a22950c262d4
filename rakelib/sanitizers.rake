# frozen_string_literal: true

require "shellwords"

# What only a nightly Rust can look at: memory and threads, while tests run. Nothing of it is part of `rake`.

SANITIZER_TARGET = "x86_64-unknown-linux-gnu"
ASAN_LIB = File.expand_path("../tmp/asan/lib", __dir__)
ASAN_REPORT = File.expand_path("../tmp/asan/report", __dir__)

# Leaks are not looked for: Ruby itself frees nothing when it ends. Signal stacks are Ruby's own. Its collector looks for
# objects on the real stack, so that nothing may be kept on a fake one, where uses of frames that have returned would show.
ASAN_OPTIONS = "detect_leaks=0:detect_odr_violation=0:use_sigaltstack=0:detect_stack_use_after_return=0:" \
               "allocator_may_return_null=1:log_path=#{ASAN_REPORT}".freeze

ASAN_SPECS = %w[spec/rack spec/realtime spec/regressions spec/http].freeze

# Examples with these tags are left out: under the sanitizer everything is several times slower, which those that measure
# time (`alone`) cannot pass, and what was freed is kept, which those that measure memory (`measures`) cannot.
ASAN_LEAVES_OUT = %w[alone measures].freeze

def check_nightly(*components)
  return if system("cargo", "+nightly", "--version", out: File::NULL, err: File::NULL)

  abort "a nightly Rust is needed: rustup toolchain install nightly --profile minimal -c #{components.join(" -c ")}"
end

# The command of a server with the sanitizer in front of everything: Rust leaves the runtime to the program, which is Ruby.
def asan_server
  runtime = `cc -print-file-name=libasan.so`.strip
  abort "libasan.so is missing; it comes with gcc" unless File.exist?(runtime)
  ["env", "LD_PRELOAD=#{runtime}", "ASAN_OPTIONS=#{ASAN_OPTIONS}", RbConfig.ruby, "-I#{ASAN_LIB}", "-I#{File.expand_path("lib")}",
   File.expand_path("exe/iodine-rs")].shelljoin
end

desc "Run specs against an extension with AddressSanitizer; SPECS=spec/rack names others"
task :asan do
  check_nightly("rust-src")
  sh({ "RUSTFLAGS" => "-Zsanitizer=address" }, "cargo", "+nightly", "build", "--locked", "--package", "iodine_rs",
     "--no-default-features", "--target", SANITIZER_TARGET, "--target-dir", "tmp/asan/target")
  mkdir_p "#{ASAN_LIB}/iodine_rs", verbose: false
  cp "tmp/asan/target/#{SANITIZER_TARGET}/debug/libiodine_rs.so", "#{ASAN_LIB}/iodine_rs/iodine_rs.so"
  rm_f Dir["#{ASAN_REPORT}.*"]
  specs = ENV.fetch("SPECS", ASAN_SPECS.join(" ")).split
  tags = ASAN_LEAVES_OUT.flat_map { |tag| ["--tag", "~#{tag}"] }
  passed = system({ "IODINE_SPEC_SERVER" => asan_server }, RbConfig.ruby, "-S", "rspec", *tags, *specs)
  # An allocation that fails, as some apps of ours want it to, is a warning in there.
  reports = Dir["#{ASAN_REPORT}.*"].select { |path| File.read(path).include?("ERROR: ") }
  abort "AddressSanitizer reported: #{reports.join(" ")}" if reports.any?
  abort "AddressSanitizer has nothing to report, but specs failed" unless passed
  puts "AddressSanitizer has nothing to report"
end

namespace :rust do
  # The pure parts: file => what is run of it. Sockets are not Miri's, and long inputs byte by byte take it hours.
  MIRI_TESTS = {
    "corpora" => %w[glob relay websocket],
    "ws_rules" => %w[--skip fragments_without_end --skip of_65 --skip too_big],
    "pubsub" => %w[glob --skip hostile]
  }.freeze

  desc "Run the tests of the core's pure parts under Miri, which sees undefined behaviour"
  task :miri do
    check_nightly("miri", "rust-src")
    MIRI_TESTS.each do |name, arguments|
      sh({ "MIRIFLAGS" => "-Zmiri-disable-isolation" }, "cargo", "+nightly", "miri", "test", "--locked", "--package", "iodine_core",
         "--target-dir", "tmp/miri", "--test", name, "--", *arguments)
    end
  end

  desc "Run the tests of the core under ThreadSanitizer"
  task :tsan do
    check_nightly("rust-src")
    report = File.expand_path("tmp/tsan-report")
    rm_f Dir["#{report}.*"]
    # `slowed`: tests that measure time have more of it (`PATIENCE`), or are ignored with a reason.
    environment = { "RUSTFLAGS" => "-Zsanitizer=thread --cfg slowed", "TSAN_OPTIONS" => "log_path=#{report}" }
    passed = system(environment, "cargo", "+nightly", "test", "--tests", "--locked", "--package", "iodine_core",
                    "--no-fail-fast", "-Zbuild-std", "--target", SANITIZER_TARGET, "--target-dir", "tmp/tsan")
    reports = Dir["#{report}.*"]
    abort "ThreadSanitizer reported: #{reports.join(" ")}" if reports.any?
    abort "ThreadSanitizer has nothing to report, but tests failed" unless passed
    puts "ThreadSanitizer has nothing to report"
  end
end
