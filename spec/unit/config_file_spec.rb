# frozen_string_literal: true

require "iodine_rs"
require "tmpdir"

RSpec.describe IodineRs::ConfigFile do
  around do |example|
    Dir.mktmpdir { |dir| Dir.chdir(dir) { example.run } }
  end

  def written(source, path = "x.rb")
    File.write(path, source)
    described_class.read([path])
  end

  it "is plain Ruby with a word for each option" do
    expect(written("size = 64\ndef kib(n) = n * 1024\nmax_head_size kib(size)")).to eq(max_head_size: 65_536)
  end

  it "reads config/iodine_rs.rb when no file is named" do
    Dir.mkdir("config")
    File.write("config/iodine_rs.rb", "max_threads 3")
    File.write("config/puma.rb", "max_threads 4")

    expect(described_class.read).to eq(max_threads: 3)
  end

  it "is content without a file" do
    expect(described_class.read).to eq({})
  end

  it "reads nothing when told so" do
    Dir.mkdir("config")
    File.write("config/iodine_rs.rb", "max_threads 3")
    expect(described_class.read([])).to eq({})
  end

  it "reads several files, the last one wins" do
    File.write("a.rb", "max_threads 3\nmin_threads 1")
    File.write("b.rb", "max_threads 4")
    expect(described_class.read(%w[a.rb b.rb])).to eq(max_threads: 4, min_threads: 1)
  end

  it "sees its own path" do
    expect(written("pidfile __FILE__")).to eq(pidfile: File.expand_path("x.rb"))
  end

  {
    "max_threads 3\nmax_hed_size 5" => "x.rb:2: unknown option max_hed_size; did you mean max_head_size?",
    "max_threads 0" => "x.rb:1: max_threads: 0 is not accepted; it takes an integer from 1 to 10000",
    "\n\nraise 'hell'" => "x.rb:3: hell (RuntimeError)",
    "require 'no_such_file'" => "x.rb:1: cannot load such file -- no_such_file (LoadError)",
    "if true" => "x.rb:1: syntax error",
    "def x = bind('gopher://')\nx" => "x.rb:1: bind: \"gopher://\" is not accepted"
  }.each do |source, message|
    it "says what is wrong, and where: #{source.inspect}" do
      expect { written(source) }.to raise_error(IodineRs::ConfigError, /#{Regexp.escape(message)}/)
    end
  end

  it "says that a file is missing" do
    expect { described_class.read(["no.rb"]) }
      .to raise_error(IodineRs::ConfigError, /\Acannot read the configuration: .*no\.rb/)
  end
end
