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

  # What a program prints that runs with such a bundle, in an empty directory.
  def run(gems, program, env = {})
    Dir.mktmpdir do |folder|
      File.write("#{folder}/Gemfile", gemfile(*gems))
      env = { **CLEAN, "BUNDLE_GEMFILE" => "#{folder}/Gemfile", **env }
      Open3.capture2e(env, RbConfig.ruby, "-rbundler/setup", "-e", program, chdir: folder).first
    end
  end
end
