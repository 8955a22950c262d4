# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"
require_relative "../support/cluster"
require_relative "../support/operator"
require_relative "../support/websocket_client"

RSpec.describe "Metrics" do
  # Every line of the text format: a comment, or name, labels and a number.
  line = /\A(?:# (?:HELP|TYPE) iodine_rs_\w+ .+|iodine_rs_\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? (?:\d+(?:\.\d+)?(?:e-?\d+)?))\z/
  app = "run ->(env) { [env['QUERY_STRING'].to_i.nonzero? || 200, {}, ['hello']] }"

  def scrape(port) = ask(port, "/metrics")

  def value(text, name) = text[/^iodine_rs_#{Regexp.escape(name)} (\S+)$/, 1]&.to_f

  it "are in Prometheus' text format, on the loopback interface where only a port is given" do
    server = serve(app, args: %w[--metrics 0])
    %w[/ /?404 /?500].each { |path| Http.get(server, path) }
    answer = scrape(metrics_port(server))
    expect([answer.status, answer["content-type"]]).to eq([200, "text/plain; version=0.0.4; charset=utf-8"])
    expect(answer.body.lines(chomp: true)).to all(match(line))
    expect(answer.body).to end_with("\n")
    { "requests_total" => 3, 'responses_total{class="2xx"}' => 1, 'responses_total{class="4xx"}' => 1,
      'responses_total{class="5xx"}' => 1, "threads_max" => 5, "backlog" => 0, "stream_threads" => 0,
      "queue_time_seconds_count" => 3, 'queue_time_seconds_bucket{le="+Inf"}' => 3, 'sockets{protocol="websocket"}' => 0,
      "pubsub_deliveries_total" => 0 }.each { |name, count| expect(value(answer.body, name)).to eq(count), name }
    expect(value(answer.body, "resident_memory_bytes")).to be > 1_000_000
    expect(value(answer.body, "uptime_seconds")).to be_between(0, 60)
    expect(value(answer.body, "gvl_wait_seconds_total")).to be >= 0
    expect(ask(metrics_port(server), "/other").status).to eq(404)
  end

  it "has buckets that grow" do
    server = serve(app, files: { "config/puma.rb" => "metrics 0" })
    5.times { Http.get(server) }
    counts = scrape(metrics_port(server)).body.scan(/^iodine_rs_queue_time_seconds_bucket\{le="[^"]+"\} (\d+)$/).flatten.map(&:to_i)
    expect(counts).to eq(counts.sort)
    expect([counts.size, counts.last]).to eq([13, 5])
  end

  it "counts sockets by protocol" do
    server = serve(File.expand_path("../realtime/apps/echo.ru", __dir__), args: %w[--metrics 0])
    client = WebSocketClient.new(server)
    eventually { value(scrape(metrics_port(server)).body, 'sockets{protocol="websocket"}') == 1 }
    client.close
    eventually { value(scrape(metrics_port(server)).body, 'sockets{protocol="websocket"}').zero? }
  end

  it "counts the bytes of requests, bodies, responses and messages" do
    app = "run ->(env) { env['rack.input'].read; [200, {}, ['x' * 100_000]] }"
    server = serve(app, args: %w[--metrics 0])
    bytes = ->(name) { value(scrape(metrics_port(server)).body, "#{name}_bytes_total") }
    expect([bytes.call(:received), bytes.call(:sent)]).to eq([0, 0])
    request = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 300000\r\n\r\n#{"b" * 300_000}"
    answer = server.connect.write(request).read_to_end
    eventually { [bytes.call(:received), bytes.call(:sent)] == [request.bytesize, answer.bytesize] }
  end

  it "counts the bytes of WebSocket messages" do
    server = serve(File.expand_path("../realtime/apps/echo.ru", __dir__), args: %w[--metrics 0])
    bytes = -> { %w[received sent].map { |name| value(scrape(metrics_port(server)).body, "#{name}_bytes_total") } }
    client = WebSocketClient.new(server)
    client.text("warm")
    client.read_message
    before = bytes.call
    client.text("m" * 50_000)
    client.read_message(limit: 5)
    # Header of the frame: 2 + 2 for a length of 16 bits, and from the client a mask of 4.
    eventually { bytes.call.zip(before).map { |now, then_| now - then_ } == [50_008, 50_004] }
  ensure
    client&.close
  end

  it "counts publications and deliveries, also those from other workers" do
    config = "metrics 0\nworker_check_interval 0.1"
    app = <<~'RUBY'
      IodineRs.subscribe("news") { }
      run ->(_env) { IodineRs.publish("news", "y"); [200, {}, []] }
    RUBY
    server = cluster(app, args: %w[--set preload_app=false], files: { "config/puma.rb" => config })
    Http.get(server)
    port = metrics_port(server)
    [0, 1].each do |index|
      eventually { value(scrape(port).body, "pubsub_deliveries_total{worker=\"#{index}\"}").to_i >= 1 }
      expect(value(scrape(port).body, "pubsub_publications_total{worker=\"#{index}\"}")).to be >= 1
    end
  end

  it "are those of all workers in a cluster, told by the master" do
    server = cluster(app, args: %w[--metrics 0 --set worker_check_interval=0.1])
    3.times { Http.get(server) }
    port = metrics_port(server)
    requests = lambda do
      text = scrape(port).body
      [0, 1].sum { |index| value(text, "requests_total{worker=\"#{index}\"}").to_i }
    end
    eventually { requests.call == 3 }
    expect(value(scrape(port).body, "workers")).to eq(2)
    expect(value(scrape(port).body, "worker_restarts_total")).to eq(0)
    Process.kill("KILL", booted(server).first)
    await_workers(server, 3)
    expect(value(scrape(port).body, "worker_restarts_total")).to eq(1)
    expect(scrape(port).body.lines(chomp: true)).to all(match(line))
  end
end
