# frozen_string_literal: true

require_relative "lib/iodine_rs/version"

Gem::Specification.new do |spec|
  spec.name = "iodine-rs"
  spec.version = IodineRs::VERSION
  spec.authors = ["iodine-rs contributors"]
  spec.summary = "A fast Rack server with its HTTP in Rust"
  spec.description = <<~TEXT
    iodine-rs serves Rack, Sinatra and Rails apps. A Rust core reads and writes HTTP outside Ruby's global VM lock;
    Ruby threads only run the app. Puma's command line and log, full and partial hijack, streaming bodies that do
    not use up the thread pool.
  TEXT
  spec.license = "MIT"

  spec.required_ruby_version = ">= 3.2"
  spec.metadata["rubygems_mfa_required"] = "true"

  spec.files = Dir.chdir(__dir__) do
    Dir[
      "ext/*/Cargo.toml", "ext/*/*.rb", "ext/*/build.rs", "ext/*/src/**/*.rs", "lib/**/*.rb", "sig/**/*.rbs", "exe/*", "docs/**/*.md",
      "Cargo.toml", "Cargo.lock", "README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"
    ]
  end
  spec.bindir = "exe"
  spec.executables = ["iodine-rs"]
  spec.extensions = ["ext/iodine_rs/extconf.rb"]

  spec.add_dependency "rack", ">= 2.2", "< 4"
  # Builds the extension at install time.
  spec.add_dependency "rb_sys", "~> 0.9"
end
