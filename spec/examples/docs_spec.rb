# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "The Ruby in the guides" do
  # Lines without their indentation, paragraph by paragraph.
  def self.paragraphs(text) = text.split(/\n\s*\n/).map { |paragraph| paragraph.lines.map(&:strip).join("\n") }

  root = File.expand_path("../..", __dir__)
  sources = Dir.glob(File.join(ExampleApp::FOLDER, "**/*.{rb,ru}")).map { |path| File.read(path).gsub(/^\s+/, "") }

  %w[getting-started streaming-and-hijack].each do |guide|
    blocks = File.read(File.join(root, "docs", "#{guide}.md")).scan(/^```ruby\n(.*?)^```$/m).flatten

    blocks.each do |block|
      it "comes from an example (#{guide}: #{block.lines.first.strip})" do
        strange = self.class.paragraphs(block).reject { |part| sources.any? { |source| source.include?(part) } }

        expect(strange).to be_empty
      end
    end

    it "names only files that exist (#{guide})" do
      names = File.read(File.join(root, "docs", "#{guide}.md")).scan(%r{`(examples/[\w/.]+)`}).flatten

      expect(names).to all(satisfy { |name| File.exist?(File.join(root, name)) })
    end
  end
end
