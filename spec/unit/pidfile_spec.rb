# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::Pidfile, :folder do
  it "holds the process id until it is removed" do
    file = described_class.new("server.pid")
    file.write
    expect(File.read("server.pid")).to eq("#{Process.pid}\n")
    file.remove
    expect(File.exist?("server.pid")).to be(false)
  end

  it "overwrites what an earlier process left behind" do
    File.write("server.pid", "999999999999")
    described_class.new("server.pid").write
    expect(File.read("server.pid").to_i).to eq(Process.pid)
  end

  it "is found again after the app has changed the directory" do
    file = described_class.new("server.pid").tap(&:write)
    Dir.mktmpdir { |dir| Dir.chdir(dir) { file.remove } }
    expect(File.exist?("server.pid")).to be(false)
  end

  it "stays when a forked child runs the same code" do
    file = described_class.new("server.pid").tap(&:write)
    Process.wait(fork { file.remove or exit!(0) })
    expect(File.exist?("server.pid")).to be(true)
  end

  it "does not mind that it is gone" do
    file = described_class.new("server.pid").tap(&:write)
    File.unlink("server.pid")
    expect { file.remove }.not_to raise_error
  end

  it "is not written without a path" do
    file = described_class.new(nil)
    expect { file.write; file.remove }.not_to raise_error
    expect(Dir.empty?(".")).to be(true)
  end

  it "says why it cannot be written" do
    expect { described_class.new("no/server.pid").write }
      .to raise_error(IodineRs::BootError, /cannot write the pidfile: No such file or directory/)
  end
end
