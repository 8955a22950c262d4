# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "require" do
  # Runs the script with what there was before in scope, and returns what it prints.
  def script(source)
    lib = File.expand_path("../../lib", __dir__)
    Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-e", source).first
  end

  before_and_after = <<~'RUBY'
    looks = []
    ENV.singleton_class.prepend(Module.new do
      %i[[] fetch key? []= store].each do |name|
        define_method(name) { |*args, &block| looks << args.first; super(*args, &block) }
      end
    end)
    signals = Signal.list.keys - %w[EXIT KILL STOP VTALRM SEGV BUS ILL FPE]
    traps = -> { signals.map { |name| trap(name, "IGNORE").tap { |handler| trap(name, handler) } } }
    state = -> { [Thread.list.size, traps.call, ENV.to_h, $stdout.sync, Object.constants.size] }
    before = state.call
    looks.clear
    require NAME
    # IodineRs itself is the one new constant.
    before[-1] += 1
    puts state.call == before, looks.inspect, defined?(Puma).inspect, $LOADED_FEATURES.grep(/iodine/).size
  RUBY

  %w[iodine-rs iodine_rs].each do |name|
    it "#{name.inspect} starts no thread, traps no signal, looks at no ENV and defines one constant" do
      output = script(before_and_after.sub("NAME", name.inspect))
      expect(output.lines(chomp: true).first(3)).to eq(["true", "[]", "nil"])
    end
  end

  it "gives Ruby nothing to warn of (-w, as minitest and others set it)" do
    expect(script("$VERBOSE = true; require 'iodine-rs'; IodineRs::CLI.new([]).options; IodineRs::Launcher.name")).to eq("")
  end

  it "loads no part that is not named" do
    expect(script("require 'iodine-rs'; puts $LOADED_FEATURES.grep(/iodine_rs/).map { |path| File.basename(path) }"))
      .to eq("errors.rb\napi.rb\niodine_rs.rb\n")
  end

  it "lets every Ruby part be named" do
    names = "(IodineRs.constants - %i[Native Stream Hijack])"
    expect(script("require 'iodine-rs'; puts #{names}.all? { |name| IodineRs.const_get(name) }")).to eq("true\n")
  end
end
