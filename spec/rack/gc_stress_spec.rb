# frozen_string_literal: true

require "spec_helper"
require "digest"
require_relative "support/app_table"
require_relative "support/clients"
require_relative "support/uploads"

# A value that the extension holds without telling the collector does not survive these.
RSpec.describe "Under a collector that strikes at every chance", :gc_stress do
  include Clients
  include Uploads

  apps = {
    "array" => '[200, { "x-a" => "1", "set-cookie" => %w[a b] }, ["one", "two"]]',
    "large" => '[200, {}, ["0123456789abcdef" * 65_536]]',
    "each" => '[200, {}, Enumerator.new { |y| 5.times { |i| y << "part#{i}" } }]',
    "call" => '[200, {}, ->(stream) { 5.times { |i| stream.write("part", i.to_s) }; stream.close }]',
    "file" => '[200, {}, File.open("file.txt", "rb")]',
    "env" => '[200, {}, [env.select { |key, _| key.start_with?("HTTP_X") }.map { |key, value| "#{key}=#{value}" }.join("&")]]',
    "input" => 'input = env["rack.input"]; all = input.read; input.rewind; [200, {}, [all.bytesize.to_s, " ", Digest::MD5.hexdigest(input.read)]]',
    "callbacks" => <<~'RUBY',
      env["rack.after_reply"] << -> { DONE << "replied" }
      env["rack.response_finished"] << ->(inner, status, headers, error) { DONE << [inner["PATH_INFO"], status, headers, error].inspect }
      [200, { "x-a" => "1" }, ["called back"]]
    RUBY
    "done" => "[200, {}, [Array.new(2) { DONE.pop }.join(' ')]]",
    "raise" => 'raise "under stress"',
    "triplet" => "[200, nil, []]",
    "hints" => 'env["rack.early_hints"].call({ "link" => %w[<1> <2>] }); [200, {}, ["hinted"]]',
    "keep" => 'KEPT << env; [200, {}, ["kept"]]',
    "kept" => 'env = KEPT.pop; [200, {}, [env["PATH_INFO"], env["rack.input"].read.to_s]]',
    "partial" => '[200, { "rack.hijack" => ->(stream) { stream.write("hijacked"); stream.close } }, []]',
    "full" => 'io = env["rack.hijack"].call; io.write(io.readpartial(3).upcase); io.close; [-1, {}, []]',
    "upgrade" => '[101, { "connection" => "upgrade", "upgrade" => "raw" }, ->(stream) { stream.write(stream.read(3).upcase); stream.close }]'
  }
  prelude = 'require "digest"; DONE = Thread::Queue.new; KEPT = Thread::Queue.new'
  table = AppTable.new(apps, prelude:)
  compacting = <<~'RUBY'
    # Moves every object that may be moved, and checks that nobody still uses the old places. Room for all of them is made
    # once: a heap that grows each time makes each time slower.
    GC.verify_compaction_references(expand_heap: true, toward: :empty)
    use(Class.new do
      def initialize(app) = @app = app

      def call(env)
        compact
        @app.call(env).tap { compact }
      end

      def compact = GC.verify_compaction_references(toward: :empty)
    end)
  RUBY

  # row => the body of the answer
  answers = {
    "array" => "onetwo", "large" => "0123456789abcdef" * 65_536, "each" => "part0part1part2part3part4",
    "call" => "part0part1part2part3part4", "file" => "from a file", "hints" => "hinted", "partial" => "hijacked",
    "raise" => "", "triplet" => ""
  }

  def get(path, *fields) = ["GET #{path} HTTP/1.1", "Host: x", *fields, "", ""].join("\r\n")

  { "F17: GC.stress" => { gc_stress: true, app: table.rackup },
    "F18: GC.verify_compaction_references" => { gc_stress: false, app: AppTable.new(apps, prelude: "#{prelude}\n#{compacting}").rackup } }.each do |how, options|
    next if how.include?("compaction") && !GC.respond_to?(:verify_compaction_references)

    context how, limit: 120 do
      let(:server) { ServerProcess.shared([:gc, how], args: %w[-t 2:2 --early-hints], files: { "file.txt" => "from a file" }, **options) }
      let(:sock) { server.connect }

      after { sock.close unless sock.to_io.closed? }

      answers.each do |row, body|
        it "#{row} is answered as ever, three times on a connection" do
          3.times { expect(sock.request(get(table.path(row)), limit: 30).body).to eq body }
        end
      end

      it "headers arrive in the env" do
        expect(sock.request(get(table.path("env"), "X-A: #{'a' * 5_000}", "X-B: b"), limit: 30).body).to eq "HTTP_X_A=#{'a' * 5_000}&HTTP_X_B=b"
      end

      [0, 5, 100_000, 300_000].each do |size|
        it "a body of #{size} bytes is read" do
          body = "0123456789" * (size / 10) + "x" * (size % 10)
          expect(sock.request(upload(table.path("input"), body), limit: 30).body).to eq "#{size} #{Digest::MD5.hexdigest(body)}"
        end
      end

      it "callbacks get what they should" do
        expect(sock.request(get(table.path("callbacks")), limit: 30).body).to eq "called back"
        expect(Http.get(server, table.path("done"), limit: 30).body).to eq 'replied ["/callbacks", 200, {"x-a"=>"1"}, nil]'
      end

      it "an env that is kept stays whole" do
        expect(sock.request(upload(table.path("keep"), "kept input"), limit: 30).body).to eq "kept"
        expect(sock.request(get(table.path("kept")), limit: 30).body).to start_with "/keep"
      end

      it "hijacked and upgraded connections work" do
        expect(sock.write("#{get(table.path('full'))}abc").read_to_end(limit: 30)).to eq "ABC"
        other = server.connect
        expect(other.request("#{get(table.path('upgrade'))}abc", limit: 30).status).to eq 101
        expect(other.read_to_end(limit: 30)).to eq "ABC"
      end
    end
  end

  it "many clients under GC.auto_compact are answered right", limit: 120 do
    server = serve(AppTable.new(apps, prelude: "#{prelude}\nGC.auto_compact = true if GC.respond_to?(:auto_compact=)\nThread.new { loop { GC.start; Thread.pass } }").rackup,
                   args: %w[-t 5:5 --early-hints], files: { "file.txt" => "from a file" }, boot_limit: 60, gc_stress: false)
    wrong = clients(8) do |client|
      sock = server.connect
      answers.keys.rotate(client).cycle.first(40).reject { |row| sock.request(get(table.path(row)), limit: 60).body == answers[row] }
    end
    expect(wrong.flatten).to eq []
  end
end
