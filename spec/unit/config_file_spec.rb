# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::ConfigFile, :folder do
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
    "max_threads 3\nthreads 5, 1" => "x.rb:2: threads: the minimum (5) is above the maximum (1)",
    "tg 'web'" => "x.rb:1: unknown option tg; did you mean tag?",
    "directory 5" => "x.rb:1: directory: 5 is not accepted; it takes a text",
    "single { max_threads 1\nthreds 5 }" => "x.rb:2: unknown option threds; did you mean threads?",
    "workers 2\ncluster {\nworker_timeout 0 }" => "x.rb:3: worker_timeout: 0 is not accepted",
    "workers 2\ncluster {\nraise 'hell' }" => "x.rb:3: hell (RuntimeError)",
    "workers 2\ncluster { workers 0 }" => "x.rb:2: workers: a block of `single` or `cluster` must not change it",
    "max_threads 1\nFile.read('no_such_file')" => "x.rb:2: No such file or directory @ rb_sysopen - no_such_file (Errno::ENOENT)",
    "def x = bind('gopher://')\nx" => "x.rb:1: bind: \"gopher://\" is not accepted",
    "\nload 5" => "x.rb:2: no implicit conversion of Integer into String (TypeError)",
    "\nsingle" => "x.rb:2: single takes a block (ArgumentError)",
    "state_permission 10**40" => "x.rb:1: state_permission: #{10**40} is not accepted; it takes octal digits like 0640",
    "control_umask(-1)" => "x.rb:1: control_umask: -1 is not accepted; it takes octal digits like 0640"
  }.each do |source, message|
    it "says what is wrong, and where: #{source.inspect}" do
      expect { written(source) }.to raise_error(IodineRs::ConfigError, /#{Regexp.escape(message)}/)
    end
  end

  it "is UTF-8, whatever the locale, as all of Ruby's files" do
    before, Encoding.default_external = Encoding.default_external, Encoding::US_ASCII
    expect(written("tag 'gr\u00F6\u00DFe'")).to eq(tag: "gr\u00F6\u00DFe")
    expect(written("\uFEFFtag 'gr\u00F6\u00DFe'")).to eq(tag: "gr\u00F6\u00DFe")
    expect(written("# encoding: iso-8859-1\ntag 'gr\xF6\xDFe'".b)[:tag].encode("UTF-8")).to eq("gr\u00F6\u00DFe")
  ensure
    Encoding.default_external = before
  end

  it "says that a file is missing" do
    expect { described_class.read(["no.rb"]) }
      .to raise_error(IodineRs::ConfigError, /\Acannot read the configuration: .*no\.rb/)
  end
end
