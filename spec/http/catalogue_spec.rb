# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

# Every row of the catalogue of hostile clients and faults has an example that names it, or a reason.
RSpec.describe "The catalogue" do
  root = File.expand_path("../..", __dir__)
  sources = Dir["#{root}/spec/**/*_spec.rb"].map { |file| File.read(file) }
  names = sources.flat_map { |text| text.scan(/"[^"\n]*"/) }

  it "has an example for every row of HTTP/1" do
    row = /^ +\[(\d+), "|"[^"]*\brow (\d+)/
    rows = sources.flat_map { |text| text.scan(row).flatten.compact.map(&:to_i) }
    expect((1..292).to_a - rows).to eq([])
  end

  { "W" => 36, "S" => 11, "T" => 12, "F" => 34 }.each do |letter, last|
    it "has an example for every row #{letter}1 to #{letter}#{last}, or a reason" do
      named = names.flat_map { |name| name.scan(/\b#{letter}(\d+)\b/).flatten.map(&:to_i) }
      reasons = Wire::ELSEWHERE.keys.grep(/\A#{letter}/).map { |id| id[1..].to_i }
      expect((1..last).to_a - named - reasons).to eq([])
      expect(reasons & named).to eq([])
    end
  end
end
