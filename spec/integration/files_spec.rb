# frozen_string_literal: true

require "spec_helper"
require_relative "../support/cluster"
require_relative "../support/websocket_client"

# The rules are tested in ext/iodine_core/tests/http/public.rs; here is what a user sees of them.
RSpec.describe "Files" do
  app = 'run ->(env) { env["PATH_INFO"] == "/slow" && sleep; [200, {}, ["the app"]] }'
  files = { "public/index.html" => "<h1>hello</h1>", "public/text.txt" => "0123456789", "config.txt" => "secret" }

  %w[-www --www --public -public].each do |flag|
    it "are served with #{flag}" do
      server = serve(app, files:, args: [flag, "public"])
      expect(Http.get(server, "/")).to have_attributes(status: 200, body: "<h1>hello</h1>")
      expect(Http.get(server, "/")["content-type"]).to eq("text/html")
      expect(Http.get(server, "/text.txt", { "range" => "bytes=2-4" })).to have_attributes(status: 206, body: "234")
      expect(Http.get(server, "/other").body).to eq("the app")
      expect(Http.post(server, "/text.txt", "").body).to eq("the app")
    end
  end

  it "are served by the configuration's words" do
    server = serve(app, files: files.merge("config/iodine_rs.rb" => "static\npublic_max_age 60\n"))
    expect(Http.get(server, "/text.txt")["cache-control"]).to eq("public, max-age=60")
  end

  it "need no app" do
    server = ServerProcess.new(files:, args: %w[-www public -max-age 5])
    expect(Http.get(server, "/text.txt").body).to eq("0123456789")
    expect(Http.get(server, "/nothing").status).to eq(404)
  ensure
    server&.stop
  end

  it "need no thread of Ruby's" do
    server = serve(app, files:, args: %w[-www public -t 1:1])
    server.connect.write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
    50.times { expect(Http.get(server, "/text.txt").status).to eq(200) }
  end

  it "have the same tag in all workers and after a restart" do
    server = cluster(app, workers: 3, files:, args: %w[-www public])
    tags = Array.new(30) { Http.get(server, "/text.txt")["etag"] }.uniq
    server.signal("USR1")
    await_workers(server, 6)
    tags << Http.get(server, "/text.txt")["etag"]
    expect(tags.uniq).to match([/\A"[0-9a-f]+-a"\z/])
    expect(Http.get(server, "/text.txt", { "if-none-match" => tags.first }).status).to eq(304)
  end

  it "do not shadow an upgrade" do
    server = serve(<<~RUBY, files:, args: %w[-www public])
      run ->(env) { env["rack.upgrade"] = Module.new { def self.on_open(client) = client.write("up") }; [200, {}, []] }
    RUBY
    expect(WebSocketClient.new(server, "/").read_message).to eq("up")
  end

  it "are a mistake where the directory does not exist" do
    server = serve(app, args: %w[-www nowhere], wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to eq("ERROR: public: nowhere is not a directory\n")
  end

  describe "that the app names" do
    naming = <<~'RUBY'
      class Page
        def each = yield("never sent")
        def close = puts("closed")
      end
      run lambda { |env|
        name = env["QUERY_STRING"]
        [200, { "X-Sendfile" => name, "content-length" => "3", "x-own" => "yes" }, Page.new]
      }
    RUBY

    it "replace the body, which is closed" do
      server = serve(naming, files:, args: %w[-www public])
      response = Http.get(server, "/page?text.txt")
      expect([response.status, response.body, response["x-own"], response["x-sendfile"]]).to eq([200, "0123456789", "yes", nil])
      server.wait_for_stdout(/closed/)
    end

    it "replace a body that is none: the article's, which is the name of the file once more" do
      server = serve(<<~RUBY, files:, args: %w[-www public])
        run ->(_env) { [200, { "X-Sendfile" => "text.txt", "Content-Length" => "text.txt".size }, "text.txt"] }
      RUBY
      response = Http.get(server, "/page")
      expect([response.status, response.body]).to eq([200, "0123456789"])
    end

    # The first is the article's; Rack::Sendfile sets 0.
    ["10", "0", "999", "text.txt"].each do |length|
      it "replace the length, whatever the app has set (#{length})" do
        server = serve(<<~RUBY, files:, args: %w[-www public])
          run ->(_env) { [200, { "X-Sendfile" => "text.txt", "Content-Length" => #{length.dump} }, []] }
        RUBY
        response = Http.get(server, "/page")
        expect([response.status, response.body, response["content-length"]]).to eq([200, "0123456789", "10"])
      end
    end

    it "replace a body that the app frames itself" do
      server = serve(<<~RUBY, files:, args: %w[-www public])
        run ->(_env) { [200, { "x-sendfile" => "text.txt", "transfer-encoding" => "chunked" }, ["0\\r\\n\\r\\n"]] }
      RUBY
      expect(Http.get(server, "/page").body).to eq("0123456789")
    end

    it "may lie in other directories, if these are named" do
      server = serve(naming, files:, args: %w[--set sendfile_roots=.])
      expect(Http.get(server, "/page?#{server.dir}/config.txt").body).to eq("secret")
    end

    it "may lie nowhere else" do
      server = serve(naming, files:, args: %w[-www public])
      expect(Http.get(server, "/page?../config.txt").status).to eq(404)
      expect(Http.get(server, "/page?/etc/passwd").status).to eq(404)
      server.wait_for_stderr(%r{X-Sendfile names "/etc/passwd", which is no file in one of the sendfile_roots})
    end
  end
end
