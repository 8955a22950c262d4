# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"

RSpec.describe "R-02 an illegal response header" do
  # row => [app, what the log line must name]
  rows = {
    "row 237 CRLF in a value" => ['[200, { "x-a" => "1\r\nx-injected: 1" }, ["x"]]', "x-a"],
    "row 240 a lone CR in a value" => ['[200, { "x-cr" => "1\r2" }, ["x"]]', "x-cr"],
    "row 242 NUL in a value" => ['[200, { "x-nul" => "1\0002" }, ["x"]]', "x-nul"],
    "a control byte in a value" => ['[200, { "x-ctl" => "a\e[1m" }, ["x"]]', "x-ctl"],
    "DEL in a value" => ['[200, { "x-del" => "a\x7F" }, ["x"]]', "x-del"],
    "row 239 CRLF in an element of an Array" => ['[200, { "x-list" => ["fine", "1\r\nx-injected: 1"] }, ["x"]]', "x-list"],
    "row 241 CRLF in a name" => ['[200, { "x-a\r\nx-injected" => "1" }, ["x"]]', "x-injected"],
    "LF in a name" => ['[200, { "x-lf\nx-injected" => "1" }, ["x"]]', "x-injected"],
    "a space in a name" => ['[200, { "x-in jected" => "1" }, ["x"]]', "x-in jected"],
    "a colon in a name" => ['[200, { "x-injected:" => "1" }, ["x"]]', "x-injected:"],
    "an empty name" => ['[200, { "" => "x-injected" }, ["x"]]', '""'],
    "a non-ASCII name" => ['[200, { "x-injecté" => "1" }, ["x"]]', "x-inject"],
    "NUL in set-cookie" => ['[200, { "set-cookie" => ["a=1", "b=\0"] }, ["x"]]', "set-cookie"],
    "CR in location" => ['[302, { "location" => "/\rx-injected: 1" }, []]', "location"],
    "CR in a header of a streaming body" => ['[200, { "x-s" => "\r" }, ->(stream) { stream.write("x"); stream.close }]', "x-s"],
    "CR in a header of a file" => ['[200, { "x-f" => "\r" }, File.open("config.ru")]', "x-f"]
  }
  table = AppTable.new(rows.transform_values(&:first))

  let(:server) { ServerProcess.shared(:illegal_header, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  rows.each do |name, (_, named)|
    it "#{name} is a 500, nothing of it reaches the wire, the log names header and request" do
      path = table.path(name)
      before = server.stderr.size
      response = sock.request("GET #{path} HTTP/1.1\r\nHost: x\r\n\r\n")
      expect(response.status).to eq 500
      expect(response.raw.downcase).not_to match(/injected|x-a:|set-cookie|location/)
      logged = eventually { server.stderr[before..].lines.find { |line| line.include?(path) } }
      expect(logged).to include(%(Rack app ("GET #{path}" - (127.0.0.1)): #<), named)
      expect(logged.chomp).not_to match(/[\r\e\0]/) # a header must not write into the log either
    end
  end

  it "does not take the connection with it" do
    3.times { expect(sock.request("GET #{table.path('row 242 NUL in a value')} HTTP/1.1\r\nHost: x\r\n\r\n").status).to eq 500 }
    expect(sock.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").body).to eq "plain"
  end
end
