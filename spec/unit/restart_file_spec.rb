# frozen_string_literal: true

require "iodine_rs"
require "fileutils"

RSpec.describe IodineRs::RestartFile, :folder do
  it "is touched when its time has changed since the last look" do
    FileUtils.mkdir("tmp")
    file = described_class.new
    expect(file).not_to be_touched
    FileUtils.touch("tmp/restart.txt")
    expect(file).to be_touched
    expect(file).not_to be_touched
  end

  it "is not touched where it cannot be looked at" do
    FileUtils.mkdir("tmp")
    file = described_class.new
    FileUtils.rmdir("tmp")
    expect(file).not_to be_touched
    File.write("tmp", "")
    expect(file).not_to be_touched
  end
end
