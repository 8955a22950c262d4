# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "The native part" do
  # mimalloc 3 takes the thread that loads it for the main one, and crashes once that thread has ended.
  it "may be loaded by a thread that ends" do
    program = <<~'RUBY'
      require "iodine_rs"
      5.times do
        Thread.new do
          server = IodineRs::Server.new(->(_env) { [200, {}, []] })
          server.add_tcp_listener("127.0.0.1", 0)
          server.run
          server.stop(true)
        end.join
        GC.start
      end
      puts "alive"
    RUBY
    output, status = Open3.capture2e(RbConfig.ruby, "-I#{File.expand_path("../../lib", __dir__)}", "-e", program)
    expect([output.lines.first, status.success?]).to eq(["alive\n", true])
  end
end
