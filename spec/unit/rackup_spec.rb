# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::Rackup, :folder do
  def loaded(source)
    File.write("config.ru", source)
    described_class.load("config.ru")
  end

  it "loads the app" do
    expect(loaded("run ->(env) { [200, {}, [env['x']]] }").call("x" => "y")).to eq([200, {}, ["y"]])
  end

  it "lets the file require its neighbours" do
    File.write("neighbour.rb", "NEIGHBOUR = 1")
    expect(loaded("require_relative 'neighbour'\nrun ->(_) { [NEIGHBOUR, {}, []] }").call({}).first).to eq(1)
  end

  it "says that there is nothing to run" do
    expect { described_class.load("config.ru") }
      .to raise_error(IodineRs::BootError, /\ANo application configured, nothing to run \(.*config.ru does not exist\)/)
    expect { described_class.load(".") }.to raise_error(IodineRs::BootError, /is not a file/)
  end

  {
    "run ->(" => /\A\S+config\.ru could not be loaded: SyntaxError: \S+config\.ru:\d+: /,
    "raise ArgumentError, 'boom'" => /\A\S+\.ru could not be loaded: ArgumentError: boom\n  from \S+\.ru:1:in [^\n]*\z/,
    "require 'no_such_file'" => /LoadError: cannot load such file -- no_such_file\n  from \S+config\.ru:1:in [^\n]*\z/,
    "\nnope" => /NameError: undefined local variable or method [^\n]*nope.*  from \S+config\.ru:2:in /m,
    "raise Exception, 'worst'" => /Exception: worst/,
    "use Object" => /missing run or map statement/,
    "begin; raise 'a'; rescue; raise 'b'; end" => /RuntimeError: b\n.*  caused by RuntimeError: a\z/m
  }.each do |source, message|
    it "shows the app's own message and place, not ours: #{source.inspect}" do
      expect { loaded(source) }.to raise_error(IodineRs::AppLoadError, message)
    end
  end

  it "lets an app end the process" do
    expect { loaded("exit 3") }.to raise_error(SystemExit)
  end
end
