# frozen_string_literal: true

require "spec_helper"
require "digest"
require_relative "support/app_table"
require_relative "support/uploads"

RSpec.describe "rack.input" do
  include Uploads

  # What stays in memory; one byte more goes to a file.
  memory_limit = 114_688

  table = AppTable.new(
    {
      "class" => '[200, {}, [env["rack.input"].class.to_s]]',
      "identity" => '[200, {}, [env["rack.input"].object_id.to_s]]',
      "digest" => <<~RUBY,
        input = env["rack.input"]
        once = Digest::SHA256.hexdigest(input.read)
        input.rewind
        copy = StringIO.new("".b)
        IO.copy_stream(input, copy)
        [200, {}, [once, " ", Digest::SHA256.hexdigest(copy.string), " ", env["CONTENT_LENGTH"].inspect, " ", env.key?("HTTP_TRANSFER_ENCODING").to_s]]
      RUBY
      "encodings" => <<~RUBY,
        input = env["rack.input"]
        found = [input.external_encoding, input.read(1).encoding, input.gets.encoding, input.each { |line| break line }.encoding, input.read.encoding]
        binary = !input.respond_to?(:binmode?) || input.binmode?
        [200, {}, [found.uniq.join(","), " ", binary.to_s]]
      RUBY
      "reading" => <<~RUBY,
        input = env["rack.input"]
        buffer = +"old"
        seen = [input.read(3), input.read(3, buffer), buffer, input.gets, input.read(0), input.pos, input.each.to_a, input.read, input.read(1), input.gets, input.eof?]
        input.rewind
        seen << input.size << input.seek(-2, IO::SEEK_END) << input.read
        [200, {}, [seen.inspect]]
      RUBY
      "nothing" => <<~RUBY,
        input = env["rack.input"]
        buffer = +"old"
        lines = []
        input.each { |line| lines << line }
        seen = [input.read, input.read(1), input.read(nil), input.read(0), input.read(5, buffer), buffer, input.gets, lines, input.size, input.external_encoding.to_s]
        input.rewind
        input.close
        [200, {}, [seen.inspect]]
      RUBY
      "stat" => <<~RUBY,
        input = env["rack.input"]
        [200, {}, [[input.is_a?(IO), input.stat.file?, input.stat.nlink, input.size, IO.for_fd(input.fileno, autoclose: false).pread(4, 1)].inspect]]
      RUBY
      "skip" => '[200, {}, ["not read"]]',
      "partly" => 'env["rack.input"].read(5); [200, {}, ["read a little"]]',
      "closed" => 'env["rack.input"].close; [200, {}, ["closed"]]',
      "wait" => '[200, {}, [Marshal.dump(env["puma.request_body_wait"])]]'
    }, prelude: 'require "digest"; require "stringio"'
  )

  let(:server) { ServerProcess.shared(:input, app: table.rackup) }
  let(:sock) { server.connect }

  after { sock.close }

  def answer(bytes) = sock.request(bytes, limit: 20).body

  describe "E-15 without a body" do
    let(:get) { ->(row) { "GET #{table.path(row)} HTTP/1.1\r\nHost: x\r\n\r\n" } }
    let(:emptiness) { '["", nil, "", "", nil, "", nil, [], 0, "ASCII-8BIT"]' }

    it("reads as nothing, binary, and may be rewound and closed") { expect(answer(get["nothing"])).to eq emptiness }

    it "is the same object in every request, even after one closed it" do
      identities = Array.new(2) { answer(get["identity"]) }
      answer(get["closed"])
      other = server.connect
      expect([*identities, other.request(get["identity"]).body].uniq.size).to eq 1
      expect(answer(get["nothing"])).to eq emptiness
    ensure
      other&.close
    end

    it "Content-Length: 0 reads as nothing" do
      expect(answer(upload(table.path("nothing"), ""))).to eq emptiness
    end

    it "an empty chunked body reads as nothing, its length is 0" do
      expect(answer(chunked_upload(table.path("nothing")))).to eq emptiness
      expect(answer(chunked_upload(table.path("digest")))).to end_with(' "0" false')
    end
  end

  describe "E-15 its class" do
    {
      1 => "StringIO", 1_000 => "StringIO", memory_limit => "StringIO",
      memory_limit + 1 => "File", 3_000_000 => "File"
    }.each do |size, wanted|
      it("is #{wanted} for #{size} bytes") { expect(answer(upload(table.path("class"), "b" * size))).to eq wanted }

      it "is #{wanted} for #{size} bytes in chunks" do
        parts = ("b" * size).scan(/.{1,50000}/)
        expect(answer(chunked_upload(table.path("class"), *parts))).to eq wanted
      end
    end

    it("row Q-15: a GET may have a body") do
      expect(answer(upload(table.path("digest"), "abc").sub("POST", "GET"))).to start_with(Digest::SHA256.hexdigest("abc"))
    end
  end

  describe "E-15 a body over the limit" do
    it "is a real IO over a file that no directory lists any more" do
      expect(answer(upload(table.path("stat"), "0123#{'b' * memory_limit}"))).to eq "[true, true, 0, #{memory_limit + 4}, \"123b\"]"
    end

    it "leaves nothing in the temporary directory" do
      server = serve(table.rackup, env: { "TMPDIR" => nil }, args: ["--set", "spool_dir=."])
      files = Dir.children(server.dir)
      expect(server.connect.request(upload(table.path("class"), "b" * 1_000_000)).body).to eq "File"
      expect(Dir.children(server.dir)).to eq files
    end
  end

  it "a body that cannot be put into a file is a 503 and a log line; smaller ones are still read" do
    server = serve(table.rackup, args: %w[--set spool_dir=spool], files: { "spool/file" => "" })
    FileUtils.rm_rf(File.join(server.dir, "spool"))
    sock = server.connect
    expect(sock.request(upload(table.path("class"), "b" * 1_000_000)).status).to eq 503
    server.wait_for_stderr(/spool/)
    expect(Http.post(server, table.path("class"), "b" * 1_000).body).to eq "StringIO"
  end

  # Every byte value, line ends, NULs and invalid UTF-8.
  content = (0..255).map(&:chr).join.b

  [1, 65_536, memory_limit, memory_limit + 1, 5_000_000].each do |size|
    body = (content * (size / 256 + 1)).byteslice(0, size)
    wanted = "#{Digest::SHA256.hexdigest(body)} #{Digest::SHA256.hexdigest(body)}"

    it "E-15 #{size} bytes arrive as sent, and again after rewind" do
      expect(answer(upload(table.path("digest"), body))).to eq "#{wanted} #{size.to_s.inspect} false"
    end

    it "E-11 #{size} bytes in chunks arrive as sent, CONTENT_LENGTH is the decoded length, HTTP_TRANSFER_ENCODING is gone" do
      parts = (0...size).step(100_000).map { |from| body.byteslice(from, 100_000) }
      expect(answer(chunked_upload(table.path("digest"), *parts))).to eq "#{wanted} #{size.to_s.inspect} false"
    end
  end

  { "in memory" => "", "in a file" => "x" * memory_limit }.each do |where, rest|
    it "E-15 #{where}: reads like an IO" do
      body = "abcdefgh\nline2\nline3\n#{rest}"
      size = body.bytesize
      tail = rest.empty? ? ["line2\n", "line3\n"] : ["line2\n", "line3\n", rest]
      expect(answer(upload(table.path("reading"), body))).to eq(
        ["abc", "def", "def", "gh\n", "", 9, tail, "", nil, nil, true, size, 0, body[-2..]].inspect
      )
    end

    it "E-15 #{where}: everything read is binary" do
      expect(answer(upload(table.path("encodings"), "a\xC3\xA9\nb\nc\nd#{rest}"))).to eq "ASCII-8BIT true"
    end

    %w[skip partly closed].each do |row|
      it "E-15 #{where}: an app that leaves it unread (#{row}) does not disturb the next request" do
        expect(answer(upload(table.path(row), "some body#{rest}") * 2)).not_to be_empty
        expect(sock.read_response.status).to eq 200
        expect(answer(upload(table.path("class"), "b"))).to eq "StringIO"
      end
    end
  end

  describe "E-28 puma.request_body_wait", :alone do
    it "is a Float of milliseconds, near zero when the body came with the head" do
      expect(Marshal.load(answer(upload(table.path("wait"), "abc")))).to be_a(Float).and be_between(0, 150)
    end

    it "is the time between the end of the head and the end of the body" do
      bytes = upload(table.path("wait"), "abcdef")
      sock.write(bytes[0...-3])
      expect(sock).to be_silent(0.25)
      expect(Marshal.load(answer(bytes[-3..]))).to be_a(Float).and be_between(230, 2_000)
    end

    it "is a Float without a body" do
      expect(Marshal.load(answer("GET #{table.path('wait')} HTTP/1.1\r\nHost: x\r\n\r\n"))).to be_a(Float).and be_between(0, 150)
    end
  end
end
