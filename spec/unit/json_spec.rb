# frozen_string_literal: true

require "iodine_rs"
require "json"

RSpec.describe IodineRs::Json do
  {
    "figures" => { "a" => 1, "b" => -2.5, "c" => nil, "d" => [true, false], "e" => {}, "f" => [] },
    "texts" => ["plain", "", "\"quoted\" \\ back", "lines\r\n\ttab", "\u0000\u001f", "ünï ☃", "</script>"]
  }.each do |what, value|
    it("writes #{what} as others read them") { expect(JSON.parse(described_class.generate(value))).to eq(value) }
  end

  it "takes Symbols for texts" do
    expect(described_class.generate({ a: :b })).to eq('{"a":"b"}')
  end

  it "replaces bytes that are no text" do
    expect(JSON.parse(described_class.generate(["a\xFFb", "\xFF".b]))).to eq(["a\uFFFDb", "\uFFFD"])
  end

  it "refuses what is none of JSON's kinds" do
    expect { described_class.generate(Object.new) }.to raise_error(TypeError, "no JSON for Object")
  end
end
