# frozen_string_literal: true

desc "Validate the type signatures in sig/"
# By its path: distributions that package Ruby do not put the executables of bundled gems on PATH.
task(:sig) { ruby Gem.bin_path("rbs", "rbs"), "-I", "sig", "validate" }
