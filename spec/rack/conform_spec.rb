# frozen_string_literal: true

require "spec_helper"

# The checks of rack-conform (https://github.com/socketry/rack-conform), in our own words: its runner and client are gems
# that are not needed for this. Its WebSocket check is
# spec/realtime/upgrade_spec.rb's.
RSpec.describe "What rack-conform checks" do
  app = <<~'RUBY'
    require "json"
    require "rack/response"
    # A middleware that is its own body: it answers to `call` and to `each`.
    class Itself
      def each = yield("Hello World")
      def call(_env) = [200, {}, self]
    end
    Echo = Struct.new(:input) { def each(&) = input.each(&) }
    hello = ->(stream) { stream.write("Hello World"); stream.close }
    response = ->(env, add) { Rack::Response.new.tap { |it| JSON.parse(env["rack.input"].read).each { |pair| it.send(add, *pair) } }.finish }
    paths = {
      "/echo" => ->(env) { [200, {}, Echo.new(env["rack.input"])] },
      "/status" => ->(env) { [env.fetch("HTTP_STATUS").to_i, {}, []] },
      "/cookies" => ->(env) { response.call(env, :set_cookie) },
      "/headers" => ->(env) { response.call(env, :add_header) },
      "/streaming/body" => ->(_) { [200, {}, hello] },
      "/streaming/hijack" => ->(env) { env["rack.hijack?"] ? [200, { "rack.hijack" => hello }, nil] : [404, {}, []] },
      "/streaming/enumerator" => ->(_) { [200, {}, Enumerator.new { |parts| 10.times { |n| parts.yield("Hello World #{n}\n") } }] },
      "/middleware/body/itself" => Itself.new
    }
    run lambda { |env|
      next [200, { "allow" => "GET, OPTIONS" }, ["OPTIONS #{env["PATH_INFO"]}"]] if env["REQUEST_METHOD"] == "OPTIONS"

      paths.fetch(env["PATH_INFO"]).call(env)
    }
  RUBY

  let(:server) { ServerProcess.shared(:conform, app:) }

  def get(path, body = nil, **) = Http.request(server, "GET", path, body:, **)

  it("echoes a request's body") { expect(get("/echo", "Hello World").body).to eq("Hello World") }
  it("sends a header") { expect(get("/headers", '{"content-type": "text/plain"}')["content-type"]).to eq("text/plain") }
  it("sends one cookie") { expect(get("/cookies", '{"a": 1}').headers["set-cookie"]).to eq(["a=1"]) }
  it("sends several cookies") { expect(get("/cookies", '{"a": 1, "b": 2}').headers["set-cookie"]).to eq(%w[a=1 b=2]) }
  it("streams a callable body") { expect(get("/streaming/body").body).to eq("Hello World") }
  it("streams a partial hijack, whose body is nil") { expect(get("/streaming/hijack").body).to eq("Hello World") }
  it("takes a middleware that is its own body") { expect(get("/middleware/body/itself").body).to eq("Hello World") }

  it "streams an enumerator" do
    response = get("/streaming/enumerator")
    expect(response.chunks).to eq(Array.new(10) { |n| "Hello World #{n}\n" })
  end

  [200, 404, 500].each do |status|
    it("sends the status #{status}") { expect(Http.get(server, "/status", { "status" => status }).status).to eq(status) }
  end

  ["/", "*"].each do |target|
    it "answers OPTIONS #{target}" do
      response = Http.request(server, "OPTIONS", target)
      expect([response.status, response.body]).to eq([200, "OPTIONS #{target}"])
    end
  end
end
