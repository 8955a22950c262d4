# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

# As in a container, where the server is process 1 and nobody else takes care of orphans.
RSpec.describe "As process 1", if: system("unshare --pid --fork --mount-proc true", err: File::NULL) do
  around do |example|
    before = ENV.fetch("IODINE_SPEC_SERVER", nil)
    root = File.expand_path("../..", __dir__)
    ENV["IODINE_SPEC_SERVER"] = "unshare --pid --fork --mount-proc #{RbConfig.ruby} -I#{root}/lib #{root}/exe/iodine-rs"
    example.run
  ensure
    ENV["IODINE_SPEC_SERVER"] = before
  end

  app = <<~'RUBY'
    run lambda { |env|
      next [200, {}, [`sh -c 'sleep 0.2 >/dev/null & echo $!'`]] if env["PATH_INFO"] == "/orphan"

      [200, {}, [Process.pid.to_s]]
    }
  RUBY

  def inner(server) = children(server.pid).first

  { "single" => [], "cluster" => %w[-w 2] }.each do |name, mode|
    it "X-01: TERM ends with status 0 (#{name})" do
      server = serve(app, args: mode)
      await_workers(server, 2) unless mode.empty?
      expect(Http.get(server).status).to eq(200)
      Process.kill("TERM", inner(server))
      expect(server.wait_exit.exitstatus).to eq(0)
      expect(server.stdout).to end_with("- Goodbye!\n")
    end
  end

  it "S-08: waits for orphans" do
    server = cluster(app)
    workers = children(inner(server))
    Http.get(server, "/orphan")
    eventually { children(inner(server)).size == workers.size + 1 }
    eventually { children(inner(server)) == workers }
  end
end
