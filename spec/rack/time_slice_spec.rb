# frozen_string_literal: true

require "spec_helper"
require "timeout"
require_relative "support/timing"

# Ruby 3.3 and later. The times are those of threads that compute, which others would disturb.
RSpec.describe "A request that computes", :alone, if: RUBY_VERSION >= "3.3" do
  include Timing

  app = <<~'RUBY'
    require "timeout"
    BURN = lambda do |seconds|
      limit = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) + seconds
      nil while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) < limit
      "burned"
    end
    LateError = Class.new(StandardError)
    run(lambda do |env|
      text =
        case env["PATH_INFO"]
        when "/burn" then puts("burning") || BURN[1]
        when "/short" then BURN[0.02]
        when "/forever" then Thread.new { BURN[60] } && "begun"
        when "/background" then Thread.new { BURN[1] } && "begun"
        when "/late" then Timeout.timeout(0.3, LateError) { BURN[5] }
        else "quick"
        end
      [200, {}, [text]]
    rescue LateError
      [200, {}, ["late"]]
    end)
  RUBY

  def get(path) = "GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n"

  # How long quick requests take while something else computes.
  def waiting_times(server)
    quick = server.connect
    Array.new(9) { seconds { expect(quick.request(get("/quick")).body).to eq("quick") } }
  end

  it "lets a quick one by after time_slice" do
    server = serve(app, args: %w[-t 2:2])
    burning = server.connect.write(get("/burn"))
    server.wait_for_stdout(/burning/)
    expect(median(waiting_times(server))).to be < 0.04
    expect(burning.read_response.body).to eq("burned")
  end

  it "lets it by also in a thread of the app" do
    server = serve(app, args: %w[-t 2:2])
    Http.get(server, "/background")
    expect(median(waiting_times(server))).to be < 0.04
  end

  it "has those that compute wait neither for a thread of the app that never ends nor for quick ones" do
    server = serve(app, args: %w[-t 5:5])
    Http.get(server, "/forever")
    quick = Array.new(16) { server.connect.write(get("/quick")) }
    computing = server.connect
    took = seconds do
      8.times do
        computing.write(get("/short"))
        until computing.to_io.wait_readable(0)
          quick.each { |client| client.read_response && client.write(get("/quick")) }
        end
        computing.read_response
      end
    end
    expect(took).to be < 4
  end

  it "keeps Ruby's 100 ms where time_slice is 0" do
    server = serve(app, args: %w[-t 2:2 --set time_slice=0])
    Http.get(server, "/forever")
    # Not each of them: one that comes before the other thread is back at work finds nobody computing.
    expect(waiting_times(server).max).to be > 0.08
  end

  it "is still interrupted by Timeout while it lets others by" do
    server = serve(app, args: %w[-t 2:2])
    quick = server.connect
    3.times do
      late = server.connect.write(get("/late"))
      quick.request(get("/quick")) until late.to_io.wait_readable(0)
      expect(late.read_response.body).to eq("late")
    end
  end
end
