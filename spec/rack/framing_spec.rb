# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"

RSpec.describe "Framing of a response" do
  table = AppTable.new(
    {
      "ok" => '[200, {}, ["ok"]]',
      "each" => '[200, {}, Enumerator.new { |y| y << "ab" << "cd" }]',
      "too long each" => '[200, { "content-length" => "3" }, Enumerator.new { |y| y << "ab" << "cd" }]',
      "too long array" => '[200, { "content-length" => "3" }, ["abcd"]]',
      "too short each" => '[200, { "content-length" => "9" }, Enumerator.new { |y| y << "ab" << "cd" }]',
      "too short array" => '[200, { "content-length" => "9" }, ["abcd"]]',
      "too short stream" => '[200, { "content-length" => "9" }, ->(s) { s.write("abcd"); s.close }]',
      "too long stream" => '[200, { "content-length" => "3" }, ->(s) { s.write("abcd"); s.close }]',
      "no number" => '[200, { "content-length" => "abc" }, ["abcd"]]',
      "negative" => '[200, { "content-length" => "-4" }, ["abcd"]]',
      "two lengths" => '[200, { "content-length" => %w[4 5] }, ["abcd"]]',
      "too short nothing" => '[200, { "content-length" => "9" }, Enumerator.new { |_| }]',
      "other coding" => '[200, { "transfer-encoding" => "identity" }, ["abcd"]]',
      "other coding each" => '[200, { "transfer-encoding" => "chunked, gzip" }, Enumerator.new { |y| y << "ab" << "cd" }]',
      "several codings" => '[200, { "transfer-encoding" => "gzip, Chunked" }, ["2\r\nhi\r\n0\r\n\r\n"]]',
      "both" => '[200, { "content-length" => "11", "transfer-encoding" => "chunked" }, ["2\r\nhi\r\n0\r\n\r\n"]]',
      "close" => '[200, { "Connection" => "close" }, ["ok"]]',
      "close each" => '[200, { "connection" => "Close" }, Enumerator.new { |y| y << "ok" }]',
      "keep" => '[200, { "connection" => "keep-alive" }, ["ok"]]'
    }
  )

  let(:server) { ServerProcess.shared(:framing, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  define_method(:get) do |row, *fields, version: "1.1"|
    ["GET #{table.path(row)} HTTP/#{version}", "Host: x", *fields, "", ""].join("\r\n")
  end

  # Neither a wrong length nor a body in bits leads the next response astray.
  def expect_in_step_or_closed
    sock.offer(get("ok"))
    expect(sock.read_response.body).to eq "ok"
  rescue Response::Truncated => e
    expect(e.response.raw).to be_empty
  end

  describe "when the app's content-length is wrong" do
    ["too long each", "too long array", "too long stream"].each do |row|
      it "row 277: #{row} is cut at the length or refused" do
        response = sock.request(get(row))
        expect([response.status, response.body]).to eq([200, "abc"]).or eq([500, ""])
        expect_in_step_or_closed
      end
    end

    it("row 276: too short array is refused or cut off, never padded by the next response") { expect_short("too short array") }
    it("row 276: too short each is cut off, never padded by the next response") { expect_short("too short each") }
    it("row 276: too short stream is cut off, never padded by the next response") { expect_short("too short stream") }

    def expect_short(row)
      sock.write(get(row) + get("ok"))
      response = sock.read_response
      expect([response.status, response.body]).to eq [500, ""]
      expect_in_step_or_closed
    rescue Response::Truncated => e
      expect(e.response.body).to eq "abcd"
      expect(e.response.raw.scan("HTTP/1.1").size).to eq 1
    end

    ["no number", "negative", "two lengths"].each do |row|
      it "row 278: #{row} is measured anew or refused" do
        response = sock.request(get(row))
        expect([response.status, response.body]).to eq([200, "abcd"]).or eq([500, ""])
        expect_in_step_or_closed
      end
    end

    {
      "too long each" => "3, but its body has 4", "too long array" => "3, but its body has 4",
      "too long stream" => "3, but its body has 4", "too short each" => "9, but its body has 4",
      "too short array" => "9, but its body has 4", "too short stream" => "9, but its body has 4",
      "too short nothing" => "9, but its body has 0"
    }.each do |row, words|
      it "rows 276 and 277: #{row} is a line in the log" do
        before = server.stderr.size
        sock.write(get(row, "Connection: close")).read_to_end
        eventually { server.stderr[before..].include?("AppError: the app declared a content-length of #{words} bytes") }
      end
    end

    it "row 276: a body that gives nothing is a 500" do
      expect(sock.request(get("too short nothing")).status).to eq 500
      expect_in_step_or_closed
    end

    it "row 280: with content-length and transfer-encoding only one of them is sent, and it is right" do
      expect(sock.request(get("both")).body).to eq("hi").or eq("2\r\nhi\r\n0\r\n\r\n")
      expect_in_step_or_closed
    end
  end

  describe "R-06 the app's own transfer-encoding" do
    ["other coding", "other coding each"].each do |row|
      it "RFC 9112 6.3: #{row} than chunked at its end is ended by the close" do
        bytes = sock.write(get(row) + get("ok")).read_to_end
        expect(bytes).to match(/^connection: close\r$/).and end_with("\r\n\r\nabcd")
      end
    end

    it "chunked as the last of several keeps the connection" do
      sock.write(get("several codings") + get("ok"))
      expect(sock.read_until("0\r\n\r\n")).to include("transfer-encoding: gzip, Chunked")
      expect(sock.read_response.body).to eq "ok"
    end
  end

  describe "R-10 R-11 R-12 keeping the connection" do
    # request => kept?, the connection header of the answer (nil = none)
    {
      ["1.1", []] => [true, nil],
      ["1.1", ["Connection: keep-alive"]] => [true, nil],
      ["1.1", ["Connection: close"]] => [false, "close"],
      ["1.1", ["Connection: CLOSE"]] => [false, "close"],
      ["1.1", ["Connection: close, TE"]] => [false, "close"],
      ["1.1", ["Connection: keep-alive", "Connection: close"]] => [false, "close"],
      ["1.0", []] => [false, nil],
      ["1.0", ["Connection: keep-alive"]] => [true, "keep-alive"],
      ["1.0", ["Connection: Keep-Alive"]] => [true, "keep-alive"]
    }.each do |(version, fields), (kept, connection)|
      it "HTTP/#{version} #{fields.join(' + ')} is #{kept ? 'kept' : 'closed'}" do
        response = sock.request(get("ok", *fields, version:))
        expect(response.version).to eq version
        expect(response["connection"]&.downcase).to eq(connection).or(kept ? eq(connection) : eq("close"))
        expect(response.body).to eq "ok"
        kept ? expect(sock).to(be_silent(0.05)) : expect(sock).to(be_closed)
        expect(sock.request(get("ok")).body).to eq "ok" if kept
      end
    end

    it "HTTP/1.0 keep-alive with a body of unknown length is closed all the same" do
      response = sock.request(get("each", "Connection: keep-alive", version: "1.0"))
      expect(response.body).to eq "abcd"
      expect(response["connection"].to_s).not_to match(/keep-alive/i)
      expect(sock).to be_closed
    end

    ["close", "close each"].each do |row|
      it "row 287: the app's own #{row} closes" do
        expect(sock.request(get(row))).to be_close
        expect(sock).to be_closed
      end
    end

    it "the app's connection: keep-alive does not keep what the client wants closed" do
      expect(sock.request(get("keep", "Connection: close"))).to be_close
      expect(sock).to be_closed
    end

    it "D-12 enable_keep_alives false closes after every answer" do
      server = serve(table.rackup, args: ["--set", "enable_keep_alives=false"])
      sock = server.connect
      expect(sock.request(get("ok"))).to be_close
      expect(sock).to be_closed
    end

    it "D-10 the last of max_keep_alive requests is answered with connection: close" do
      server = serve(table.rackup, args: ["--set", "max_keep_alive=3"])
      sock = server.connect
      expect(Array.new(3) { sock.request(get("ok")).close? }).to eq [false, false, true]
      expect(sock).to be_closed
    end

    it "row 211: pipelined requests are answered in order, whatever their bodies" do
      rows = %w[ok each ok keep each ok]
      sock.write(rows.map { |row| get(row) }.join)
      expect(rows.map { sock.read_response.body }).to eq %w[ok abcd ok ok abcd ok]
    end
  end
end
