# frozen_string_literal: true

require "shellwords"

desc "See that a panic of ours harms nobody else, in an extension that can be asked for one"
task :panics do
  sh "cargo", "build", "--locked", "--package", "iodine_rs", "--features", "panics"
  lib = File.expand_path("tmp/panics")
  mkdir_p "#{lib}/iodine_rs", verbose: false
  cp "target/debug/libiodine_rs.#{RbConfig::CONFIG["SOEXT"]}", "#{lib}/iodine_rs/iodine_rs.#{RbConfig::CONFIG["DLEXT"]}"
  server = [RbConfig.ruby, "-I#{lib}", "-I#{File.expand_path("lib")}", File.expand_path("exe/iodine-rs")].shelljoin
  sh({ "IODINE_SPEC_SERVER" => server, "PANICS" => "1" }, RbConfig.ruby, "-S", "rspec", "spec/faults/panics_spec.rb")
end
