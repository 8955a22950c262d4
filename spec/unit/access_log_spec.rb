# frozen_string_literal: true

require "iodine_rs"
require "stringio"

RSpec.describe IodineRs::AccessLog do
  let(:out) { StringIO.new }
  let(:env) do
    { "REQUEST_METHOD" => "GET", "PATH_INFO" => "/p", "QUERY_STRING" => "q", "SERVER_PROTOCOL" => "HTTP/1.1",
      "REMOTE_ADDR" => "127.0.0.1", "rack.response_finished" => [] }
  end

  def serve(app, error: nil)
    status, headers, = described_class.new(app, out).call(env)
    finish(status, headers, error)
  end

  def finish(status, headers, error = nil)
    env["rack.response_finished"].each { |callback| callback.call(env, status, headers, error) }
  end

  it "prints nothing before the response is out" do
    described_class.new(->(_) { [200, {}, []] }, out).call(env)
    expect(out.string).to be_empty
  end

  it "prints the common log format and the seconds" do
    serve(->(_) { [200, { "Content-Length" => "12" }, []] })
    expect(out.string).to match(
      %r{\A127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} [+-]\d{4}\] "GET /p\?q HTTP/1\.1" 200 12 0\.\d{4}\n\z}
    )
  end

  it "knows the user, the address a proxy reports and a request without a query" do
    env.merge!("REMOTE_USER" => "ann", "HTTP_X_FORWARDED_FOR" => "192.0.2.1", "QUERY_STRING" => "")
    serve(->(_) { [204, {}, []] })
    expect(out.string).to match(%r{\A192\.0\.2\.1 - ann \[.*\] "GET /p HTTP/1\.1" 204 })
  end

  it "counts the bytes of an Array, and of nothing else" do
    serve(->(_) { [200, {}, %w[abc d]] })
    env["rack.response_finished"].clear
    serve(->(_) { [200, {}, Enumerator.new { |y| y << "abc" }] })
    expect(out.string.lines.map { |line| line.split.last(2).first }).to eq(%w[4 -])
  end

  it "prints what an app that raised was answered with" do
    app = described_class.new(->(_) { raise "boom" }, out)
    expect { app.call(env) }.to raise_error("boom")
    finish(500, {}, RuntimeError.new("boom"))
    expect(out.string).to match(/" 500 - 0\.\d{4}$/)
  end

  it "prints a hijacked request as such" do
    serve(->(request) { request["rack.hijack_io"] = :socket; [200, {}, []] })
    expect(out.string).to match(/" HIJACKED -1 0\.\d{4}$/)
  end

  it "leaves a broken response as it is" do
    expect(described_class.new(->(_) { nil }, out).call(env)).to be_nil
    expect(described_class.new(->(_) { [200, {}, [1]] }, out).call(env)).to eq([200, {}, [1]])
  end
end
