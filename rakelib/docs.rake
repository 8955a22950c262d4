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

desc "Write the tables of options in docs/configuration.md anew"
task :docs do
  path = "docs/configuration.md"
  text = File.read(path)
  File.write(path, text.sub(/^## Options\n\n.*?(?=^## )/m) { "## Options\n\n#{option_tables}\n" })
end
