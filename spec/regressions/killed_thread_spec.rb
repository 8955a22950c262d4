# frozen_string_literal: true

require "spec_helper"

# A kill that was caught left an illegal `$!`; the next exception then jumped over our own frames, past the request's
# ticket and the thread's place in the pool.
RSpec.describe "A thread that is killed in a request" do
  app = <<~'RUBY'
    run lambda { |env|
      body = Object.new
      body.define_singleton_method(:each) { |&part| [part.call("a"), Thread.current.kill] }
      body.define_singleton_method(:close) { raise "close" }
      env["rack.after_reply"] << -> { raise "after" }
      case env["PATH_INFO"]
      when "/call" then Thread.current.kill
      when "/each" then next [200, {}, body]
      end
      [200, {}, ["alive"]]
    }
  RUBY

  it "leaves the connection behind its 500 to the next request, which another thread serves" do
    server = serve(app, args: %w[-t 1:1])
    client = server.connect
    2.times do
      killed = client.request("GET /call HTTP/1.1\r\nHost: a\r\n\r\n")
      expect([killed.status, killed["connection"]]).to eq([500, nil])
      expect(client.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body).to eq("alive")
    end
  end

  it "cuts the connection whose body it was sending" do
    read = serve(app, args: %w[-t 1:1]).connect.write("GET /each HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").read_to_end
    expect(read).to end_with("\r\n\r\n1\r\na\r\n")
    expect(read.scan("HTTP/1.1").size).to eq(1)
  end

  %w[/call /each].each do |path|
    it "is replaced, even where the callbacks behind it raise (#{path})" do
      server = serve(app, args: %w[-t 1:1])
      3.times { server.connect.write("GET #{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").read_to_end }
      expect(Http.get(server, "/").body).to eq("alive")
      expect(server.stderr).not_to include("non-exception")
    end
  end
end
