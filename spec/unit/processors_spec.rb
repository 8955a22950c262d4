# frozen_string_literal: true

require "etc"
require "fileutils"
require "iodine_rs"
require "tmpdir"

RSpec.describe IodineRs::Processors do
  around { |example| Dir.mktmpdir { |root| @root = root and example.run } }

  def file(path, content)
    FileUtils.mkdir_p(File.dirname("#{@root}/#{path}"))
    File.write("#{@root}/#{path}", content)
  end

  def available = described_class.available(@root)

  it("counts the machine's where nothing limits them") { expect(available).to eq(Etc.nprocessors) }

  it "V-01: reads the limit of a container (cgroup v2)" do
    file("sys/fs/cgroup/cpu.max", "100000 100000\n")
    expect(available).to eq(1)
  end

  it "reads the limit of the own group" do
    file("proc/self/cgroup", "0::/app.slice\n")
    file("sys/fs/cgroup/app.slice/cpu.max", "50000 100000\n")
    file("sys/fs/cgroup/cpu.max", "max 100000\n")
    expect(available).to eq(1)
  end

  it "reads the limit of a container (cgroup v1)" do
    file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n")
    file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    expect(available).to eq([1, Etc.nprocessors].min)
  end

  it "knows when there is no limit" do
    file("sys/fs/cgroup/cpu.max", "max 100000\n")
    file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    expect(available).to eq(Etc.nprocessors)
  end
end
