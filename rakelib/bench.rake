# frozen_string_literal: true

require "shellwords"

desc "Measure iodine-rs beside the servers that are installed; ARGS=--help lists the options"
task bench: %w[compile bench:baseline] do
  measure = -> { ruby "bench/run", *ENV.fetch("ARGS", "").shellsplit }
  # Other servers are not in this Gemfile, and none of them should pay for Bundler.
  defined?(Bundler) ? Bundler.with_unbundled_env(&measure) : measure.call
end

namespace :bench do
  desc "Build the hyper-only server that marks the floor"
  task :baseline do
    sh "cargo", "build", "--release", "--locked", "--manifest-path", "bench/hyper_baseline/Cargo.toml"
  end

  desc "Build the client that opens sockets, and the server that marks its floor"
  task :load_client do
    %w[load_client socket_baseline].each do |name|
      sh "cargo", "build", "--release", "--locked", "--manifest-path", "bench/#{name}/Cargo.toml"
    end
  end
end
