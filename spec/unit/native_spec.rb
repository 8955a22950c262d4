# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe "iodine_rs/native" do
  around do |example|
    Dir.mktmpdir { |dir| @dir = dir; example.run }
  end

  # Loads a copy of native.rb that finds only the files a spec puts beside it.
  def load_native(**files)
    Dir.mkdir("#{@dir}/iodine_rs")
    source = File.read(File.expand_path("../../lib/iodine_rs/native.rb", __dir__))
    { "native.rb" => source, **files.transform_keys(&:to_s) }.each do |name, content|
      path = "#{@dir}/iodine_rs/#{name}"
      Dir.mkdir(File.dirname(path)) unless File.directory?(File.dirname(path))
      File.write(path, content)
    end
    Open3.capture2e(RbConfig.ruby, "-I#{@dir}", "-e", "require 'iodine_rs/native'").first
  end

  minor = RUBY_VERSION[/\A\d+\.\d+/]

  it "prefers the extension for this version of Ruby" do
    expect(load_native("#{minor}/iodine_rs.rb": "puts :versioned", "iodine_rs.rb": "puts :plain")).to eq("versioned\n")
  end

  it "takes the one that was compiled here" do
    expect(load_native("iodine_rs.rb": "puts :plain")).to eq("plain\n")
  end

  it "does not hide why the one for this version cannot be loaded" do
    expect(load_native("#{minor}/iodine_rs.rb": "raise LoadError, 'libc is too old'", "iodine_rs.rb": "puts :plain"))
      .to match(/libc is too old/).and satisfy { |output| !output.include?("plain") }
  end

  it "says how to get one" do
    expect(load_native).to include("the native part of iodine-rs is not compiled", "run `rake compile`")
  end
end
