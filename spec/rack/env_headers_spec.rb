# frozen_string_literal: true

require "spec_helper"
require_relative "support/request_env"

RSpec.describe "Request headers in the env" do
  include RequestEnv

  let(:env_server) { ServerProcess.shared(:env, rackup: RequestEnv::APP) }

  # lines of the request => what the env holds
  {
    "E-14 a name is upcased, - becomes _" => [["X-Some-Name1: v"], { "HTTP_X_SOME_NAME1" => "v" }],
    "E-14 names are case-insensitive" => [["x-lower: a", "X-LOWER: b"], { "HTTP_X_LOWER" => "a, b" }],
    "E-14 white space around a value is trimmed" => [["X-A: \t b c \t "], { "HTTP_X_A" => "b c" }],
    "E-14 a value may be empty" => [["X-A:"], { "HTTP_X_A" => "" }],
    "E-14 repeated lines are joined with a comma" => [["X-A: 1", "X-B: x", "X-A: 2,3"], { "HTTP_X_A" => "1, 2,3", "HTTP_X_B" => "x" }],
    "E-14 row 175 repeated cookies are joined with a semicolon" => [["Cookie: a=1", "Cookie: b=2"], { "HTTP_COOKIE" => "a=1; b=2" }],
    "E-11 row 178 Content-Type has no prefix" => [["Content-Type: text/x"], { "CONTENT_TYPE" => "text/x", "HTTP_CONTENT_TYPE" => nil }],
    "E-11 no CONTENT_TYPE or CONTENT_LENGTH unless sent" => [[], { "CONTENT_TYPE" => nil, "CONTENT_LENGTH" => nil }],
    "E-11 Content-Length: 0 is kept" => [["Content-Length: 0"], { "CONTENT_LENGTH" => "0", "HTTP_CONTENT_LENGTH" => nil }],
    "row 168 the dashed name wins when it comes first" => [["X-Forwarded-For: a", "X_Forwarded_For: b"], { "HTTP_X_FORWARDED_FOR" => "a" }],
    "row 168 the dashed name wins when it comes last" => [["X_Forwarded_For: b", "X-Forwarded-For: a"], { "HTTP_X_FORWARDED_FOR" => "a" }],
    "row 169 a lone underscored name is kept by default" => [["X_Auth_User: u"], { "HTTP_X_AUTH_USER" => "u" }],
    "row 170 Proxy never becomes HTTP_PROXY" => [["Proxy: http://evil.example"], { "HTTP_PROXY" => nil }],
    "row 171 a Version header does not touch SERVER_PROTOCOL" => [["Version: HTTP/9.9"], { "SERVER_PROTOCOL" => "HTTP/1.1" }],
    "row 172 a header named like a Rack key stays prefixed" => [["rack.input: x"], { "HTTP_RACK.INPUT" => "x" }],
    "row 173 Https becomes HTTP_HTTPS" => [["Https: on"], { "HTTP_HTTPS" => "on", "HTTPS" => nil }],
    "Upgrade and Connection reach the app" => [["Connection: Upgrade", "Upgrade: foo"], { "HTTP_CONNECTION" => "Upgrade", "HTTP_UPGRADE" => "foo" }]
  }.each do |name, (fields, wanted)|
    it name do
      env = env_of(head("/", *fields))
      expect(wanted.to_h { |key, _| [key, env[key]] }).to eq wanted
    end
  end

  it "a header named rack.input leaves rack.input alone" do
    expect(env_of(head("/", "rack.input: x"))["rack.input"]).not_to eq "x"
  end

  it "D-19 an underscored name is dropped when the option says so" do
    server = serve(RequestEnv::APP, args: ["--set", "allow_underscore_headers=false"])
    env = env_of(head("/", "X_Auth_User: u", "X-Auth-Group: g"), server:)
    expect(env).to include("HTTP_X_AUTH_GROUP" => "g")
    expect(env).not_to include("HTTP_X_AUTH_USER")
  end

  it "L-06 a value of 80 KiB arrives whole" do
    expect(env_of(head("/", "X-Big: #{'v' * 81_920}"))["HTTP_X_BIG"]).to eq "v" * 81_920
  end

  it "L-05 a name of 256 bytes arrives whole" do
    name = "x#{'n' * 255}"
    expect(env_of(head("/", "#{name}: v"))["HTTP_#{name.upcase}"]).to eq "v"
  end

  it "L-09 five hundred different headers all arrive" do
    env = env_of(head("/", *Array.new(500) { |i| "X-Nr-#{i}: #{i}" }))
    expect((0...500).map { |i| env["HTTP_X_NR_#{i}"] }).to eq((0...500).map(&:to_s))
  end
end
