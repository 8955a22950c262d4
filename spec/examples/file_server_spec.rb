# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/file_server" do
  include ExampleApp

  let(:server) { serve_example("file_server", shared: true) }
  let(:poem) { File.binread(File.join(ExampleApp::FOLDER, "file_server/files/poem.txt")) }

  it "lists what there is" do
    expect(Http.get(server, "/").body.lines(chomp: true)).to eq(%w[/files/poem.txt /download /big])
  end

  it "sends a file" do
    response = Http.get(server, "/files/poem.txt")

    expect([response["content-type"], response["content-length"], response.body])
      .to eq(["text/plain", poem.bytesize.to_s, poem])
  end

  it "sends the part of a file that was asked for" do
    response = Http.get(server, "/files/poem.txt", { "range" => "bytes=2-7" })

    expect([response.status, response["content-range"], response.body])
      .to eq([206, "bytes 2-7/#{poem.bytesize}", "packet"])
  end

  it "answers 304 to who has it already" do
    modified = Http.get(server, "/files/poem.txt")["last-modified"]

    expect(Http.get(server, "/files/poem.txt", { "if-modified-since" => modified }).status).to eq(304)
  end

  it "sends the file behind to_path for saving" do
    response = Http.get(server, "/download")

    expect([response["content-disposition"], response.body]).to eq(['attachment; filename="poem.txt"', poem])
  end

  it "answers HEAD with the length and nothing else" do
    response = Http.request(server, "HEAD", "/download")

    expect([response.status, response["content-length"], response.body]).to eq([200, poem.bytesize.to_s, ""])
  end

  it "sends 32 MiB whole" do
    body = Http.get(server, "/big").body

    expect(body.bytesize).to eq(32 * 1024 * 1024)
    expect(body.count("\0")).to eq(body.bytesize)
  end

  it "keeps the connection for the next request" do
    socket = server.connect
    bodies = Array.new(3) { socket.request(Http.head("GET", "/download", "connection" => "keep-alive")).body }

    expect(bodies).to eq([poem] * 3)
  end
end
