# frozen_string_literal: true

require "rspec"
require "tmpdir"
require_relative "support/eventually"
require_relative "support/response"
require_relative "support/raw_socket"
require_relative "support/server_process"
require_relative "support/http"

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.max_formatted_output_length = 2_000 }
  config.shared_context_metadata_behavior = :apply_to_host_groups
  config.filter_run_when_matching :focus
  config.fail_if_no_examples = true

  config.include Eventually
  config.include ServerProcess::ExampleMethods

  # Every example has a limit: one that hangs fails and the suite goes on. `limit: seconds` changes it.
  config.around do |example|
    limit = example.metadata.fetch(:limit, 120)
    Timeout.timeout(limit, Eventually::TimeUp, "the example took longer than #{limit} s") { example.run }
  end

  # Examples marked `:folder` run in an empty one of their own. They may leave it: in a block of chdir's Ruby would complain.
  config.around(:each, :folder) do |example|
    before = Dir.pwd
    Dir.mktmpdir do |dir|
      Dir.chdir(dir)
      example.run
    ensure
      Dir.chdir(before)
    end
  end

  # A failure shows what the servers printed while the example ran.
  config.before { ServerProcess.mark_output }
  config.after do |example|
    printed = ServerProcess.output_since_mark if example.exception
    example.metadata[:extra_failure_lines] = printed.lines(chomp: true) if printed
    stop_servers
  end
  config.after(:suite) { ServerProcess.stop_all }
end
