# frozen_string_literal: true

namespace :rust do
  desc "Check the formatting of the Rust code"
  task(:fmt) { sh "cargo", "fmt", "--all", "--check" }

  desc "Lint both crates, warnings are errors"
  task(:clippy) { sh "cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings" }

  desc "Test the core, without Ruby"
  task(:test) { sh "cargo", "test", "--package", "iodine_core", "--locked" }
end
