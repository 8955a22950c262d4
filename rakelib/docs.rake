# frozen_string_literal: true

# The tables of all options, as they stand in docs/configuration.md.
def option_tables
  $LOAD_PATH.unshift("lib")
  require "iodine_rs"
  IodineRs::Options::TABLE.group_by(&:section).map do |section, options|
    rows = options.map { |o| "| `#{o.name}` | #{o.default_text} | #{o.type.accepts} | #{o.doc} |" }
    ["### #{section}\n\n| Option | Default | Takes | Meaning |\n|---|---|---|---|\n", *rows.map { |row| "#{row}\n" }].join
  end.join("\n")
end

# Rows for Puma's words that have another meaning here.
def puma_rows
  words = IodineRs::DSL::PumaWords
  [*words::MOOT.map { |word, why| "| `#{word}` | #{why} |\n" },
   *words::REFUSED.map { |word, advice| "| `#{word}` | Does not start: #{advice} |\n" }].join
end

desc "Write the tables of options in docs/configuration.md anew"
task :docs do
  path = "docs/configuration.md"
  text = File.read(path)
  text.sub!(/^## Options\n\n.*?(?=^## )/m) { "## Options\n\n#{option_tables}\n" }
  text.sub!(/(^\| Word \| Here \|\n\|---\|---\|\n).*?(?=^\n|^## )/m) { "#{$1}#{puma_rows}" }
  File.write(path, text)
end
