# frozen_string_literal: true

require "bundler"

PACKAGE = "pkg/#{GEMSPEC.full_name}.gem".freeze

# Answers with the directory the gem was loaded from: the checkout must have no part in it.
PACKAGED_APP = %(run ->(_env) { [200, {}, [Gem.loaded_specs.fetch("iodine-rs").full_gem_path]] }\n)

# An empty GEM_HOME of its own; rack and rb_sys come from the gems of this machine.
def package_environment(home)
  { "GEM_HOME" => home, "GEM_PATH" => [home, *Gem.path].join(File::PATH_SEPARATOR),
    # RubyGems deletes Cargo's target directory after an install; what is kept here makes the next one quick.
    "CARGO_BUILD_BUILD_DIR" => File.expand_path("tmp/package-build") }
end

# Runs the installed `iodine-rs` in a folder with a config.ru and returns what it answers.
def answer_of_package(environment)
  ENV["IODINE_SPEC_SERVER"] = File.join(environment.fetch("GEM_HOME"), "bin/iodine-rs")
  ServerProcess.start(app: PACKAGED_APP, env: environment, gc_stress: false) { |server| Http.get(server).body }
ensure
  ENV.delete("IODINE_SPEC_SERVER")
end

desc "Build the gem into pkg/"
task(:build) do
  mkdir_p "pkg", verbose: false
  sh RbConfig.ruby, "-S", "gem", "build", "iodine-rs.gemspec", "--output", PACKAGE
end

desc "Install the built gem into an empty GEM_HOME and serve a request with it"
task(package: :build) do
  require_relative "../spec/support/server_process"
  require_relative "../spec/support/http"
  home = File.expand_path("tmp/package").tap { |path| rm_rf path, verbose: false }
  Bundler.with_unbundled_env do
    environment = package_environment(home)
    sh environment, RbConfig.ruby, "-S", "gem", "install", "--local", "--no-document", PACKAGE
    served_from = answer_of_package(environment)
    abort "the request was served by #{served_from}" unless served_from.start_with?(home)
  end
  rm_rf home, verbose: false
  puts "the installed gem served a request"
end
