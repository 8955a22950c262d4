# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"

RSpec.describe "A cluster of one worker" do
  hello = "run ->(_env) { [200, {}, ['hello']] }"
  warning = /^\[\d+\] ! WARNING: Detected running cluster mode with 1 worker\.\n(?:\[\d+\] ! .+\n){3}/

  it "W-09: is warned about, in four lines" do
    server = cluster(hello, workers: 1)
    expect(server.stdout).to match(warning)
    expect(Http.get(server).body).to eq("hello")
  end

  it "W-09, V-01: is warned about where WEB_CONCURRENCY asks for it" do
    server = serve(hello, env: { "WEB_CONCURRENCY" => "1" })
    expect(server.stdout).to match(warning)
  end

  it "W-09, D-51: is not, where silence_single_worker_warning says so" do
    server = serve(hello, files: { "config/puma.rb" => "workers 1\nsilence_single_worker_warning" })
    expect(server.stdout).to include("Workers: 1")
    expect(server.stdout).not_to include("WARNING")
  end

  [%w[-w 2], []].each do |args|
    it "W-09: others are not (#{args.join(" ")})" do
      expect(serve(hello, args:).stdout).not_to include("WARNING")
    end
  end
end
