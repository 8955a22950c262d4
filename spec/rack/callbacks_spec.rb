# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"
require_relative "support/gate"

RSpec.describe "R-13 R-14 body.close, rack.after_reply and rack.response_finished" do
  # row => [app, what happens to the body, "status headers error" as response_finished gets them]
  rows = {
    "an Array" => ['[200, {}, t.closing(["a"])]', %w[close], "200 Hash nil"],
    "an empty Array" => ["[200, {}, t.closing([])]", %w[close], "200 Hash nil"],
    "an each body" => ['[200, {}, t.each { |part| part.call("a"); part.call("b") }]', %w[each close], "200 Hash nil"],
    "a callable" => ['[200, {}, t.callable { |stream| stream.write("a"); stream.close }]', %w[stream close], "200 Hash nil"],
    "a file" => ['[200, {}, t.closing(Struct.new(:to_path).new("config.ru"))]', %w[close], "200 Hash nil"],
    "a body without close" => ['[200, {}, ["a"]]', [], "200 Hash nil"],
    "Rack::BodyProxy, whose to_ary closes it" => ['[200, {}, Rack::BodyProxy.new(["a"]) { t.note("close") }]', %w[close], "200 Hash nil"],
    "204" => ["[204, {}, t.each { }]", %w[close], "204 Hash nil"],
    "304 with an each body" => ["[304, {}, t.each { }]", %w[close], "304 Hash nil"],
    "an app that raises" => ['raise "boom"', [], "500 Hash RuntimeError"],
    "an app that raises no StandardError" => ["raise NotImplementedError", [], "500 Hash NotImplementedError"],
    "an app that exits" => ["exit 3", [], "500 Hash SystemExit"],
    "an app that throws" => ["throw :nobody", [], "500 Hash UncaughtThrowError"],
    "a response without headers" => ['[200, nil, t.each { }]', %w[close], /\A500 Hash \S*Error\z/],
    "a bad status" => ['["x", {}, t.each { }]', %w[close], /\A500 Hash \S*Error\z/],
    "an illegal header" => ['[200, { "x" => "\r" }, t.each { |part| part.call("a") }]', %w[close], /\A500 Hash \S*Error\z/],
    "no response at all" => ["nil", [], /\A500 Hash \S*Error\z/],
    "each raises at once" => ['[200, {}, t.each { raise "boom" }]', %w[each close], /\A[25]00 Hash RuntimeError\z/],
    "each raises after a part" => ['[200, {}, t.each { |part| part.call("a"); raise "boom" }]', %w[each close], "200 Hash RuntimeError"],
    "a callable raises" => ['[200, {}, t.callable { |stream| stream.write("a"); raise "boom" }]', %w[stream close], "200 Hash RuntimeError"],
    "close raises" => ['[200, {}, Rack::BodyProxy.new(["a"]) { t.note("close").then { raise "boom" } }]', %w[close], /\A200 Hash (nil|RuntimeError)\z/],
    "close raises after each" => [<<~RUBY, %w[each close], /\A200 Hash (nil|RuntimeError)\z/],
      body = t.each { |part| part.call("a") }
      t.closing(body) { raise "boom" }
      [200, {}, body]
    RUBY
    "partial hijack" => [<<~RUBY, %w[stream close], "200 Hash nil"],
      [200, { "rack.hijack" => ->(stream) { t.note("stream").then { stream.write("a"); stream.close } } }, t.each { }]
    RUBY
    "partial hijack that raises" => [<<~RUBY, %w[stream close], "200 Hash RuntimeError"],
      [200, { "rack.hijack" => ->(stream) { t.note("stream").then { raise "boom" } } }, t.each { }]
    RUBY
    "full hijack" => [<<~RUBY, %w[close], /\A-?\d+ Hash nil\z/],
      env["rack.hijack"].call.tap { |io| io.write("HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n") }.close
      [-1, {}, t.closing(Object.new)]
    RUBY
    "full hijack with a normal response" => [<<~RUBY, %w[close], "200 Hash nil"],
      env["rack.hijack"].call.tap { |io| io.write("HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n") }.close
      [200, {}, t.each { |part| part.call("a") }]
    RUBY
    "full hijack, then the app raises" => [<<~RUBY, [], /\A\d+ Hash RuntimeError\z/]
      env["rack.hijack"].call.tap { |io| io.write("HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n") }.close
      raise "boom"
    RUBY
  }
  head_rows = { "an each body" => %w[close], "Rack::BodyProxy, whose to_ary closes it" => %w[close], "an app that raises" => [] }
  spoilt = {
    "after_reply" => 't = Trace.new(env, spoil: :after_reply); [200, {}, Rack::BodyProxy.new(["a"]) { t.note("close") }]',
    "response_finished" => 't = Trace.new(env, spoil: :response_finished); [200, {}, Rack::BodyProxy.new(["a"]) { t.note("close") }]'
  }
  apps = rows.transform_values { |app, *| "t = Trace.new(env); #{app}" }
  table = AppTable.new(
    { **apps, **spoilt, "report" => '[200, {}, [Trace.report(env["QUERY_STRING"])]]' },
    prelude: "require \"rack\"\nrequire #{File.expand_path('support/trace', __dir__).dump}"
  )

  let(:server) { ServerProcess.shared(:callbacks, app: table.rackup) }
  let(:report) { ->(id) { Marshal.load(Http.get(server, "#{table.path('report')}?#{id}").body) } }

  def expect_once(id, body_events, finished)
    eventually { report[id].first.last&.start_with?("finished 1") }
    Http.get(server, "/")
    events, fibers = report[id]
    ending = events.last(2).map { |event| event.sub(/\Afinished [12] /, "") }
    expect(events[0...-2]).to eq ["call", *body_events, "after_reply 1", "after_reply 2"]
    expect(events.last(2)).to match [/\Afinished 2/, /\Afinished 1/]
    expect(ending).to all(finished.is_a?(Regexp) ? match(finished) : eq(finished))
    expect(fibers).to eq 1
  end

  # The client's view is another spec's business; it may be cut off.
  def ask(bytes)
    sock = server.connect
    sock.write(bytes)
    sock.closed?(limit: 5)
  ensure
    sock&.close
  end

  rows.each_with_index do |(name, (_, body_events, finished)), index|
    it "#{name}: once each, in order, on the thread and fiber of app.call" do
      ask("GET #{table.path(name)}?row#{index} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      expect_once("row#{index}", body_events, finished)
    end
  end

  head_rows.each_with_index do |(name, body_events), index|
    it "HEAD for #{name}: once each, and each is not called" do
      ask("HEAD #{table.path(name)}?head#{index} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      expect_once("head#{index}", body_events, /\A(200 Hash nil|500 Hash RuntimeError)\z/)
    end
  end

  spoilt.each_key do |kind|
    it "row 290: one #{kind} that raises is logged, all others run, the client notices nothing" do
      expect(Http.get(server, "#{table.path(kind)}?#{kind}").body).to eq "a"
      expect_once(kind, %w[close], "200 Hash nil")
      server.wait_for_stderr(/spoilt/)
    end
  end
end
