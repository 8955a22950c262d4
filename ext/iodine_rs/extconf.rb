# frozen_string_literal: true

require "mkmf"
require "rb_sys/mkmf"

wanted = File.read(File.expand_path("../../Cargo.toml", __dir__))[/^rust-version = "(.+)"$/, 1]
found = `cargo --version`[/\Acargo (\d+(?:\.\d+)+)/, 1] if find_executable("cargo")

if found.nil? || Gem::Version.new(found) < Gem::Version.new(wanted)
  abort <<~TEXT

    iodine-rs is compiled on this machine and needs Rust >= #{wanted}, but #{found ? "cargo is #{found}" : "there is no cargo on PATH"}.
    It also needs libclang, a C compiler and make.

      Debian 13 and later:  apt-get install cargo libclang-dev build-essential
      Fedora:               dnf install cargo clang-devel gcc make
      macOS:                brew install rust llvm
      anywhere:             Rust by rustup, the others by your package manager

  TEXT
end

create_rust_makefile("iodine_rs/iodine_rs") do |build|
  # A missing toolchain is reported above; downloading one behind the user's back is not ours to do.
  build.auto_install_rust_toolchain = false
end
