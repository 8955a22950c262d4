# frozen_string_literal: true

require "open3"
require "yaml"

MODELS_CORE = "ext/iodine_core"
MISTAKEN_CORE = "tmp/mistakes"

# The command that builds the models of the core in `core`, and runs them unless told otherwise.
def models_of(core, *arguments, target:)
  [{ "RUSTFLAGS" => "--cfg shuttle" }, "cargo", "test", "--lib", "--locked", "--manifest-path", "#{core}/models/Cargo.toml",
   "--target-dir", target, *arguments, "models"]
end

# The source with `text`, whose indentation does not matter, replaced.
def mistaken(source, text:, instead:, **)
  pattern = Regexp.new(text.lines.map { |line| Regexp.escape(line.strip) }.join("\n *"))
  abort "this has to be in the source once:\n#{text}" unless source.scan(pattern).one?
  source.sub(pattern) { instead }
end

# The names of the models that find the mistake.
def finders_of(mistake)
  path = "#{MISTAKEN_CORE}/src/#{mistake[:file]}"
  right = File.read(path)
  File.write(path, mistaken(right, **mistake))
  command = models_of(MISTAKEN_CORE, target: "#{MISTAKEN_CORE}/target")
  output, built = Open3.capture2e(*command, "--no-run")
  abort "#{mistake[:mistake]}: does not compile\n#{output}" unless built.success?
  # Orders are drawn by lot: before a mistake counts as missed, ten times as many are tried.
  [{}, { "MODEL_ORDERS" => "20000" }].lazy.map { |orders| failures_of(command, orders) }.find(&:any?).to_a
ensure
  File.write(path, right) if right
end

# The names of the models that fail.
def failures_of((environment, *command), orders)
  output, passed = Open3.capture2e(environment.merge(orders), *command)
  failed = output.scan(/^test handoff::models::(\S+) \.\.\. FAILED/).flatten
  # A panic while another one unwinds ends the process before it says which model that was.
  failed.empty? && !passed.success? ? ["an abort"] : failed
end

desc "Run the hand-off in many orders of its steps (shuttle); MODEL_ORDERS=2000 of each sort and model"
task(:models) { sh(*models_of(MODELS_CORE, target: "tmp/models")) }

namespace :models do
  desc "See that the models find the mistakes listed beside them, each made in a copy of the core; MISTAKE=words chooses"
  task :mistakes do
    mkdir_p MISTAKEN_CORE, verbose: false
    rm_rf "#{MISTAKEN_CORE}/src", verbose: false
    cp_r %w[src models].map { |name| "#{MODELS_CORE}/#{name}" }, MISTAKEN_CORE, verbose: false
    list = YAML.load_file("#{MODELS_CORE}/models/mistakes.yml", symbolize_names: true)
    missed = list.select { |mistake| mistake[:mistake].include?(ENV.fetch("MISTAKE", "")) }.select do |mistake|
      finders = finders_of(mistake)
      puts "-- #{mistake[:mistake]}: #{finders.any? ? "found by #{finders.join(", ")}" : "NOT FOUND"}"
      finders.empty?
    end
    abort "#{missed.size} mistakes not found" if missed.any?
    puts "-- all are found"
  end
end
