# frozen_string_literal: true

require "iodine_rs"

RSpec.describe "docs/configuration.md" do
  text = File.read(File.expand_path("../../docs/configuration.md", __dir__))

  IodineRs::Options::TABLE.each do |option|
    row = "| `#{option.name}` | #{option.default_text} | #{option.type.accepts} | #{option.doc} |"

    it "has the row of #{option.name}" do
      expect(text.lines(chomp: true)).to include(row)
    end
  end

  it "has no row of an option that does not exist" do
    named = text[/^## Options.*?(?=^## )/m].scan(/^\| `(\w+)`/).flatten.map(&:to_sym)
    expect(named).to eq(IodineRs::Options::TABLE.names)
  end

  it "has a row for each of Puma's words that has another meaning here, and no other" do
    words = IodineRs::DSL::PumaWords
    rows = words::MOOT.map { |word, why| "| `#{word}` | #{why} |" } +
           words::REFUSED.map { |word, advice| "| `#{word}` | Does not start: #{advice} |" }
    expect(text[/^\| Word \| Here \|\n\|---\|---\|\n((?:\|.*\n)*)/, 1].lines(chomp: true)).to eq(rows)
  end

  it "has every flag of the command line" do
    expect { IodineRs::CLI.start(["-h"]) }.to output { |help|
      flags = help.scan(/^\s+(?:(-\w), |\s+)(--[\w-]+)/).flatten.compact
      expect(flags).to include("--bind", "-V")
      flags.each { |flag| expect(text).to include("`#{flag}") }
    }.to_stdout
  end

  it "shows a configuration file that works" do
    example = text[/```ruby\n(# config.*?)```/m, 1]
    expect { IodineRs::DSL.new.instance_eval(example) }.not_to raise_error
  end
end
