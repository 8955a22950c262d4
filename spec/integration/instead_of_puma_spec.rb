# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"

RSpec.describe "Instead of Puma" do
  define_method(:with_bundle) { |gems, program, env = {}| Bundle.run(["rackup", *gems], program, env) }

  default = 'Bundler.require; require "rackup"; puts Rackup::Handler.default'

  it "RR-03: is the default server where the bundle has no Puma" do
    expect(with_bundle([], default)).to eq("Rackup::Handler::IodineRs\n")
  end

  it "RR-03: is not where it has one, or where another one is named" do
    expect(with_bundle(%w[puma], default)).to eq("Rackup::Handler::Puma\n")
    expect(with_bundle(%w[puma], default, { "RACKUP_HANDLER" => "iodine_rs" })).to eq("Rackup::Handler::IodineRs\n")
    expect(with_bundle(%w[webrick], default, { "RACKUP_HANDLER" => "webrick" })).to eq("Rackup::Handler::WEBrick\n")
  end

  it "RR-04: answers to Puma's name" do
    program = 'require "rackup"; puts Rackup::Handler.get("puma"), Rackup::Handler::Puma, Rackup::Handler.pick(%w[puma webrick])'
    expect(with_bundle([], program)).to eq("Rackup::Handler::IodineRs\n" * 3)
  end

  it "RR-09: needs neither Rackup nor anything else but Rack to serve" do
    Dir.mktmpdir do |folder|
      File.write("#{folder}/config.ru", "run ->(_env) { [200, {}, ['hello']] }")
      program = <<~RUBY
        require "iodine_rs"
        IodineRs.on_state(:on_start) { puts Gem.loaded_specs.keys.inspect; IodineRs.stop }
        ARGV.replace(%w[-b tcp://127.0.0.1:0 -w 0 #{folder}/config.ru])
        load #{File.join(Bundle::ROOT, "exe/iodine-rs").dump}
      RUBY
      printed = Bundle.run([], program)
      expect(printed).to include("Goodbye!")
      gems = printed[/^\[.*\]$/].scan(/[\w-]+/)
      expect(gems & %w[rack rackup concurrent-ruby]).to eq(%w[rack])
    end
  end

  it "RR-13: leaves a real Puma as it is" do
    program = 'require "rackup"; require "iodine-rs"; require "rack/handler/puma"; require "puma/const"; puts Puma::Const::VERSION == Gem.loaded_specs["puma"].version.to_s, Rackup::Handler::Puma'
    expect(with_bundle(%w[puma], program)).to eq("true\nRackup::Handler::Puma\n")
  end

  it "RR-03, RR-04: is what a Sinatra program runs on" do
    printed = with_bundle(%w[sinatra], <<~RUBY)
      Bundler.require
      Sinatra::Application.set(port: 0, bind: "127.0.0.1", environment: :production)
      IodineRs.on_state(:on_start) { Sinatra::Application.quit! }
      Sinatra::Application.run! { |server| puts "yielded \#{server.class}" }
    RUBY
    expect(printed).to include("iodine-rs starting in single mode", "yielded IodineRs::Launcher", "Goodbye!")
  end

  it "serves by bare `rackup`" do
    Dir.mktmpdir do |folder|
      File.write("#{folder}/config.ru", "run ->(_env) { [200, {}, ['hello']] }")
      program = <<~RUBY
        require "rackup"
        ARGV.replace(%w[-o 127.0.0.1 -p 0 #{folder}/config.ru])
        IodineRs.on_state(:on_start) { IodineRs.stop }
        Rackup::Server.start
      RUBY
      expect(with_bundle([], "require 'iodine-rs'\n#{program}")).to include("iodine-rs starting in single mode", "Goodbye!")
    end
  end
end
