# frozen_string_literal: true

require "spec_helper"
require_relative "support/request_env"

RSpec.describe "Rack env" do
  include RequestEnv

  let(:env_server) { ServerProcess.shared(:env, rackup: RequestEnv::APP) }

  describe "E-01 REQUEST_METHOD" do
    %w[GET HEAD POST PUT DELETE OPTIONS TRACE PATCH QUERY].each do |method|
      it "is #{method} as received" do
        sock = env_server.connect
        response = sock.request(head(method:), head: method == "HEAD")
        expect(response.status).to eq 200
        expect(Marshal.load(response.body)["REQUEST_METHOD"]).to eq method unless method == "HEAD"
      ensure
        sock&.close
      end
    end
  end

  describe "E-02 SCRIPT_NAME" do
    it("is empty") { expect(env_of(head("/p"))).to include("SCRIPT_NAME" => "", "PATH_INFO" => "/p") }

    it "comes from the process environment, PATH_INFO stays whole" do
      server = serve(RequestEnv::APP, env: { "SCRIPT_NAME" => "/shop" })
      expect(env_of(head("/shop/p"), server:)).to include("SCRIPT_NAME" => "/shop", "PATH_INFO" => "/shop/p")
    end
  end

  describe "E-03 E-04 E-05 the request target" do
    # target => PATH_INFO, QUERY_STRING, REQUEST_URI (nil = the target itself)
    {
      "/" => ["/", "", nil],
      "/a%20b/%C3%A9" => ["/a%20b/%C3%A9", "", nil],
      "/a%2Fb%2e%2e/x?y=%26" => ["/a%2Fb%2e%2e/x", "y=%26", nil],
      "/a/../b/./c" => ["/a/../b/./c", "", nil],
      "//evil.example/x" => ["//evil.example/x", "", nil],
      "/a;b=c?d;e" => ["/a;b=c", "d;e", nil],
      "/a?" => ["/a", "", nil],
      "/?a" => ["/", "a", nil],
      "/a?b?c=?" => ["/a", "b?c=?", nil],
      "/a%zz?b%" => ["/a%zz", "b%", nil],
      "/a%00b" => ["/a%00b", "", nil],
      "/{}|^?{}|^" => ["/{}|^", "{}|^", nil],
      "/a+b?c+d" => ["/a+b", "c+d", nil],
      "http://x.y:81/p?q=1" => ["/p", "q=1", nil],
      "http://x.y" => ["/", "", nil]
    }.each do |target, (path, query, uri)|
      it "#{target} is path #{path} and query #{query.inspect}, nothing decoded or normalised" do
        expect(env_of(head(target))).to include(
          "PATH_INFO" => path, "REQUEST_PATH" => path, "QUERY_STRING" => query, "REQUEST_URI" => uri || target
        )
      end
    end

    it "OPTIONS * has the path *" do
      expect(env_of(head("*", method: "OPTIONS"))).to include("PATH_INFO" => "*", "REQUEST_URI" => "*", "QUERY_STRING" => "")
    end

    it "E-06 keeps a fragment out of everything but FRAGMENT" do
      expect(env_of(head("/p?q=1#top"))).to include(
        "PATH_INFO" => "/p", "QUERY_STRING" => "q=1", "REQUEST_URI" => "/p?q=1", "FRAGMENT" => "top"
      )
    end

    it("E-06 has no FRAGMENT when the client sent none") { expect(env_of(head)).not_to include("FRAGMENT") }

    it "a path of 8,192 bytes and a query of 10,240 arrive whole", limit: 20 do
      expect(env_of(head("/#{'p' * 8_191}"))["PATH_INFO"].bytesize).to eq 8_192
      expect(env_of(head("/?#{'q' * 10_240}"))["QUERY_STRING"].bytesize).to eq 10_240
    end
  end

  describe "E-07 SERVER_NAME and SERVER_PORT come from Host, not from the listener" do
    {
      "example.org" => %w[example.org 80],
      "example.org:8080" => %w[example.org 8080],
      "EXAMPLE.org:1" => %w[EXAMPLE.org 1],
      "127.0.0.1:9292" => %w[127.0.0.1 9292],
      "[::1]" => %w[[::1] 80],
      "[::1]:8080" => %w[[::1] 8080]
    }.each do |host, (name, port)|
      it "Host: #{host} is #{name} and #{port}" do
        expect(env_of(head(host:))).to include("SERVER_NAME" => name, "SERVER_PORT" => port, "HTTP_HOST" => host)
      end
    end

    it "the port is 443 when the scheme is https" do
      expect(env_of(head("/", "X-Forwarded-Proto: https"))).to include("SERVER_NAME" => "example.org", "SERVER_PORT" => "443")
    end

    it "a port in Host wins over the scheme's" do
      expect(env_of(head("/", "X-Forwarded-Proto: https", host: "a:8443"))).to include("SERVER_PORT" => "8443")
    end

    it "an HTTP/1.0 request without Host is for localhost:80" do
      expect(env_of(head(version: "1.0", host: nil))).to include("SERVER_NAME" => "localhost", "SERVER_PORT" => "80")
    end

    it "row 133: the authority of an absolute target wins over Host" do
      expect(env_of(head("http://x.y:81/p"))).to include("SERVER_NAME" => "x.y", "SERVER_PORT" => "81", "HTTP_HOST" => "x.y:81")
    end
  end

  %w[1.1 1.0].each do |version|
    it "E-08 SERVER_PROTOCOL is HTTP/#{version} verbatim" do
      expect(env_of(head(version:))["SERVER_PROTOCOL"]).to eq "HTTP/#{version}"
    end
  end

  it "E-09 HTTP_VERSION is SERVER_PROTOCOL before Rack 3.1 and absent from 3.1 on" do
    rack = Gem::Version.new(Gem.loaded_specs["rack"]&.version || Gem::Specification.find_by_name("rack").version)
    wanted = rack < Gem::Version.new("3.1") ? "HTTP/1.1" : nil
    expect(env_of(head)["HTTP_VERSION"]).to eq wanted
  end

  describe "E-12 rack.url_scheme" do
    {
      [] => "http",
      ["X-Forwarded-Proto: https"] => "https",
      ["X-Forwarded-Proto: https, http"] => "https",
      ["X-Forwarded-Proto: http"] => "http",
      ["X-Forwarded-Proto: http, https"] => "http",
      ["X-Forwarded-Scheme: https"] => "https",
      ["X-Forwarded-Scheme: http"] => "http",
      ["X-Forwarded-Ssl: on"] => "https",
      ["X-Forwarded-Ssl: off"] => "http",
      ["Https: on"] => "http",
      ["rack.url_scheme: https"] => "http"
    }.each do |fields, scheme|
      it "#{fields.first || 'a plain request'} is #{scheme}" do
        env = env_of(head("/", *fields))
        expect(env["rack.url_scheme"]).to eq scheme
        expect(env).not_to include("HTTPS")
      end
    end

    it "D-16 is forced by the option rack_url_scheme" do
      server = serve(RequestEnv::APP, args: ["--set", "rack_url_scheme=https"])
      expect(env_of(head, server:)).to include("rack.url_scheme" => "https", "SERVER_PORT" => "443")
    end
  end

  describe "constant keys" do
    let(:env) { env_of(head) }

    it("E-17 rack.version is [1, 6]") { expect(env["rack.version"]).to eq [1, 6] }
    it("E-17 rack.run_once is false") { expect(env["rack.run_once"]).to be false }
    it("E-17 rack.multiprocess is false in one process") { expect(env["rack.multiprocess"]).to be false }
    it("E-18 SERVER_SOFTWARE starts with iodine-rs") { expect(env["SERVER_SOFTWARE"]).to match(/\Aiodine-rs \d+\.\d+/) }
    it("E-19 GATEWAY_INTERFACE is CGI/1.2") { expect(env["GATEWAY_INTERFACE"]).to eq "CGI/1.2" }
    it("E-20 rack.hijack? is true") { expect(env["rack.hijack?"]).to be true }
    it("E-22 rack.early_hints is absent without the option") { expect(env).not_to include("rack.early_hints") }
    it("E-23 rack.after_reply is an empty Array") { expect(env["rack.after_reply"]).to eq [] }
    it("E-24 rack.response_finished is an empty Array") { expect(env["rack.response_finished"]).to eq [] }
    it("has only String keys") { expect(env.keys).to all(be_a(String)) }

    it "every key without a dot has a String, non-ASCII only as ASCII-8BIT" do
      env = env_of(head("/", "X-Name: \xC3\xA9\xFF"))
      cgi = env.reject { |key, _| key.include?(".") }
      expect(cgi.values).to all(be_a(String))
      expect(cgi.values.reject(&:ascii_only?)).to all(have_attributes(encoding: Encoding::BINARY))
      expect(env["HTTP_X_NAME"]).to eq "\xC3\xA9\xFF".b
    end
  end

  { "1:1" => false, "0:5" => true }.each do |threads, multithread|
    it "E-17 rack.multithread is #{multithread} with -t #{threads}" do
      expect(env_of(head, server: serve(RequestEnv::APP, args: ["-t", threads]))["rack.multithread"]).to be multithread
    end
  end

  it "E-16 rack.errors writes to stderr" do
    server = serve('run ->(env) { env["rack.errors"].puts "from the app"; env["rack.errors"].write("é\n"); env["rack.errors"].flush; [200, {}, []] }')
    expect(Http.get(server, "/").status).to eq 200
    server.wait_for_stderr(/^from the app\né$/)
  end
  describe "E-31 puma.mark_as_io_bound" do
    it "may be called, and asks for nothing" do
      server = serve("run ->(env) { [200, {}, [env['puma.mark_as_io_bound'].call.inspect]] }")
      expect(Http.get(server).body).to eq "nil"
    end
  end
end
