# frozen_string_literal: true

require "json"
require "yaml"
require "minitest"

# Leaves out the tests that skips.yml names, and writes a line of JSON for each that has run.
module PumaSuite
  # Each test that is left out, with the reason.
  SKIPS = YAML.load_file(File.expand_path("skips.yml", __dir__)).fetch("tests")
              .flat_map { |entry| entry["names"].map { |name| [name, entry["reason"]] } }.to_h

  module Skips
    def before_setup
      reason = SKIPS["#{self.class}##{name}"] || SKIPS["#{self.class}#*"]
      skip(reason) if reason
      super
    end

    # One that would end the whole run fails.
    def capture_exceptions
      super do
        yield
      rescue SystemExit => e
        flunk("exit(#{e.status}) at #{e.backtrace.first(3).join(", ")}")
      end
    end
  end

  # How each test ended, as a line of JSON.
  class Reporter < Minitest::AbstractReporter
    def initialize(path)
      super()
      @file = File.open(path, "a")
    end

    def record(result)
      message = result.failure&.message
      @file.puts(JSON.generate(file: ENV.fetch("PUMA_SUITE_FILE"), name: "#{result.klass}##{result.name}", end: ENDS.fetch(result.result_code), message:,
                               seconds: result.time.round(2)))
      @file.flush
    end

    ENDS = { "." => "passed", "S" => "skipped", "F" => "failed", "E" => "failed" }.freeze
  end
end

module Minitest
  def self.plugin_puma_suite_init(_options) = reporter << PumaSuite::Reporter.new(ENV.fetch("PUMA_SUITE_RESULTS"))

  extensions << "puma_suite"
  Test.prepend(PumaSuite::Skips)
end
