# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

# Programs that run under Bundler, with iodine-rs from this checkout.
module Bundle
  ROOT = File.expand_path("../..", __dir__)
  # What a developer's own shell must not change.
  CLEAN = { "RUBYOPT" => nil, "RUBYLIB" => nil, "RACK_HANDLER" => nil }.freeze

  module_function

  # The text of a Gemfile with these gems, named or as whole lines' arguments.
  def gemfile(*gems)
    ["source Gem.sources.first.uri.to_s", "gem 'iodine-rs', path: #{ROOT.dump}", *gems.map { |gem| "gem '#{gem}'" }].join("\n")
  end

  # Runs a program to its end; returns what it printed, and its Process::Status. At the limit it is killed, with all that
  # it has started.
  def capture(env, *command, limit: 50, **)
    Open3.popen2e(env, *command, pgroup: true, **) do |input, output, process|
      input.close
      reader = Thread.new { output.read }
      killed = process.join(limit).nil? && Process.kill("KILL", -process.pid)
      [killed ? "#{reader.value}\n(killed after #{limit} s)" : reader.value, process.value]
    end
  end

  # What a program prints that runs with such a bundle, in an empty directory.
  def run(gems, program, env = {})
    Dir.mktmpdir do |folder|
      File.write("#{folder}/Gemfile", gemfile(*gems))
      env = { **CLEAN, "BUNDLE_GEMFILE" => "#{folder}/Gemfile", **env }
      capture(env, RbConfig.ruby, "-rbundler/setup", "-e", program, chdir: folder).first
    end
  end
end
