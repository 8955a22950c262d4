# frozen_string_literal: true

require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP catalogue" do
  row = /^ +\[(\d+), "|"row (\d+): /

  it "has an example for every row" do
    rows = Dir[File.join(__dir__, "../{http,tls}/*_spec.rb")].flat_map { |file| File.read(file).scan(row).flatten.compact.map(&:to_i) }
    expect((1..292).to_a - rows).to eq(Wire::LATER.keys)
  end
end
