# frozen_string_literal: true

require "digest"
require "spec_helper"
require "support/wire/rows"

RSpec.describe "HTTP limits" do
  extend Wire::Rows

  echo_server

  fields = ->(count, value = "b") { get(*Array.new(count) { |n| "X#{n}: #{value}" }) }
  long_value = "v" * 70_000

  rows [
    [180, "a path of 8,000 bytes", get(target: "/#{"a" * 8_000}"), served("")],
    [181, "a path of 20,000 bytes", get(target: "/#{"a" * 20_000}"), refused(414)],
    [182, "a path of 100,000 bytes", get(target: "/#{"a" * 100_000}"), refused(414)],
    [183, "a query of 20,000 bytes", get(target: "/?#{"a" * 20_000}"), refused(414)],
    [183, "a query of 10,000 bytes", get(target: "/?#{"a" * 10_000}"), served("", env: { "QUERY_STRING" => "a" * 10_000 })],
    [184, "a value of 70 kB", get("X-A: #{long_value}"), served("", env: { "HTTP_X_A" => long_value })],
    [185, "a value of 200 kB", get("X-A: #{"v" * 200_000}"), refused(431)],
    [186, "a name of 300 bytes", get("#{"n" * 300}: 1"), refused(431)],
    [187, "a name of 70 kB", get("#{"n" * 70_000}: 1"), refused(431)],
    [188, "99 fields", fields.call(98), served("", env: { "HTTP_X97" => "b" })],
    [189, "150 fields", fields.call(149), served("", env: { "HTTP_X148" => "b" })],
    [190, "5,000 fields in 40 kB", get(*Array.new(5_000, "a: bcd")), refused(431)],
    [191, "50,000 fields", fields.call(50_000), refused(431)]
  ]

  context "with http_content_length_limit" do
    include Wire::Bytes

    echo_server("--set", "http_content_length_limit=1000")

    body = "b" * 1_001
    half = "1f4\r\n#{"b" * 500}\r\n"

    rows [
      [192, "a Content-Length above it", post("Content-Length: 1001"), refused(413)],
      [192, "a Content-Length above it, and the body", post("Content-Length: 1001", body:), refused(413)],
      [192, "a Content-Length that just fits", post("Content-Length: 1000", body: body[1..]), served(body[1..])],
      [193, "chunks that pass it", chunks("#{half * 2}1\r\nb"), refused(413)],
      [193, "one chunk that would pass it", chunks("3e9\r\n"), refused(413)],
      [193, "chunks that just fit", chunks("#{half * 2}0\r\n\r\n"), served(body[1..])]
    ]

    it "row 219: takes all of 8 MB from a client that reads the refusal only then" do
      socket = server.connect
      expect(socket.write(post("Content-Length: 8000000", body: "b" * 8_000_000)).read_response.status).to eq(413)
    end
  end

  describe "a body of 100 MB" do
    digesting = <<~RUBY
      require "digest"
      run lambda { |env|
        digest = Digest::SHA256.new
        part = String.new(capacity: 65_536)
        digest << part while env["rack.input"].read(65_536, part)
        [200, {}, [digest.hexdigest]]
      }
    RUBY
    block = Random.new(1).bytes(1 << 20)

    include Wire::Bytes

    def resident_kilobytes(server)
      File.read("/proc/#{server.pid}/status")[/^VmRSS:\s+(\d+) kB/, 1].to_i
    end

    # Sends `parts` a hundred times and returns the response with the growth of the server's memory in MB.
    def upload(server, head, part, last = "")
      before = resident_kilobytes(server)
      socket = server.connect
      socket.write(head)
      100.times { socket.write(part) }
      peak = resident_kilobytes(server)
      response = socket.request(last, limit: 20)
      peak = [peak, resident_kilobytes(server)].max
      [response, (peak - before) / 1024]
    ensure
      socket&.close
    end

    let(:server) { serve(digesting).tap { |server| Http.get(server) } }
    let(:digest) { Digest::SHA256.new.tap { |digest| 100.times { digest << block } }.hexdigest }

    it "row 194: goes to disk and arrives intact", :measures do
      response, growth = upload(server, post("Content-Length: #{100 << 20}"), block)
      expect(response.body).to eq(digest)
      expect(growth).to be < 60
    end

    it "row 194: goes to disk and arrives intact when it is chunked", :measures do
      part = "#{block.bytesize.to_s(16)}\r\n".b + block + "\r\n".b
      response, growth = upload(server, chunks(""), part, "0\r\n\r\n")
      expect(response.body).to eq(digest)
      expect(growth).to be < 60
    end
  end
end
