# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe "rack/handler/iodine_rs" do
  lib = File.expand_path("../../lib", __dir__)
  # As much of Rack 2 as a handler meets; Rack 3 is what is installed here.
  rack2 = <<~'RUBY'
    module Rack
      def self.release = "2.2.9"
      module Handler
        @names = {}
        def self.register(name, constant) = @names[name.to_s] = constant.to_s
        def self.get(name)
          require "rack/handler/#{name}"
          Object.const_get(@names.fetch(name.to_s))
        end
      end
    end
  RUBY

  def script(source, *paths) = Open3.capture2e(RbConfig.ruby, *paths.map { |path| "-I#{path}" }, "-e", source).first

  it "serves Rack 2, under both names" do
    Dir.mktmpdir do |dir|
      File.write("#{dir}/rack.rb", rack2)
      expect(script('require "rack"; p %w[iodine_rs iodine-rs].map { |name| Rack::Handler.get(name) }', dir, lib))
        .to eq("[Rack::Handler::IodineRs, Rack::Handler::IodineRs]\n")
    end
  end

  it "is Rackup's handler with Rack 3" do
    expect(script('require "rack/handler/iodine_rs"; p Rackup::Handler::IodineRs', lib))
      .to eq("Rackup::Handler::IodineRs\n")
  end
end
