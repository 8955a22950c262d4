# frozen_string_literal: true

# One app for the specs of real time: each path is a scene.

LOG = Queue.new

# A handler of the Rack draft's API that tells what happened to whoever asks at /log.
module Echo
  extend self

  def on_open(client) = LOG << "open #{client.conn_id}"
  def on_message(client, data) = client.write(data)
  def on_shutdown(client) = client.write("bye")
  def on_close(client) = LOG << "close #{client.close_code} #{client.close_reason}#{client.env["HTTP_X_NAME"]}"
end

# What is said about a message, as text.
module Describe
  extend self

  def on_message(client, data)
    client.write("#{data.encoding} #{data.bytesize} #{data.valid_encoding?} #{data.frozen?}")
  end
end

# Commands, so that a spec can ask for anything.
module Commands
  extend self

  def on_open(client) = client.write("opened")

  def on_message(client, data)
    case data
    when "close" then client.write("#{client.close.inspect} #{client.open?} #{client.write("x")} #{client.pending}")
    when "binary" then client.write("b\xFF".b)
    when "ascii" then client.write("123".encode("US-ASCII"))
    when "latin" then client.write("\xE4".dup.force_encoding("ISO-8859-1"))
    when "broken" then client.write("\xFF".dup.force_encoding("UTF-8"))
    when "empty" then client.write("")
    when "number" then client.write(42)
    when "raise" then raise "as asked"
    when "state" then client.write([client.open?, client.pending, client.protocol, client.pubsub?, client.timeout, client.env["PATH_INFO"]].inspect)
    when "switch" then client.handler = Second
    when "leave" then client.handler = nil
    when "range" then out_of_range(client)
    when /\Atimeout (\d+)/ then client.timeout = Integer($1)
    when /\Asleep (.+)/ then sleep(Float($1)).then { client.write("slept") }
    when /\Alarge (\d+)/ then client.write("x" * Integer($1))
    when "hook" then LOG << "hooked #{client.conn_id}"
    else client.write(data)
    end
  end

  def on_close(client)
    open = client.open?
    LOG << "closed #{open} #{open || client.write("x")} #{client.pending} #{client.env["PATH_INFO"]}"
  end

  def out_of_range(client)
    client.timeout = 256
  rescue RangeError => e
    client.write(e.class.name)
  end
end

# What a client gets after `handler=`.
module Second
  extend self

  def on_open(client) = client.write("second open")
  def on_message(client, data) = client.write("second #{data}")
  def on_close(client) = LOG << "second close"
end

# Nothing may be called before on_open has returned, and nothing at the same time.
class Ordered
  def initialize
    @inside = 0
    @seen = []
  end

  def on_open(_client)
    @inside += 1
    sleep 0.1
    @inside -= 1
  end

  def on_message(client, data)
    @inside += 1
    @seen << data
    raise "at the same time" if @inside > 1

    Thread.pass
    @inside -= 1
    client.write("#{@seen.size} #{@seen.each_cons(2).all? { |a, b| a.to_i < b.to_i }}") if data == "1000"
  end
end

# Subscriptions on command.
module Subscribes
  extend self

  def on_message(client, data)
    case data
    when "plain" then client.write(client.subscribe("room").inspect)
    when "symbol" then client.write(client.subscribe(:room).inspect)
    when "hash" then client.write(client.subscribe(to: "room").inspect)
    when "hash object" then client.write(client.subscribe({ to: "room" }).inspect)
    when "binary" then client.write(client.subscribe("room", as: :binary).inspect)
    when "pattern" then client.write(client.subscribe("ro*", match: :redis).inspect)
    when "block" then client.write(client.subscribe("room") { |channel, text| client.write("block #{channel} #{text} #{text.encoding}") }.inspect)
    when "handler" then client.write(client.subscribe("room", handler: ->(_, text) { client.write("handler #{text}") }).inspect)
    when "none" then begin client.subscribe rescue client.write($!.class.name) end
    when "type" then begin client.subscribe(7) rescue client.write($!.class.name) end
    when "leave" then client.write(client.unsubscribe("room").inspect)
    when /\Apublish (.+)/ then client.write(client.publish("room", $1).inspect)
    end
  end
end

# Says how many bytes wait, and when none do any more.
module Slow
  extend self

  def on_message(client, data)
    Integer(data).times { client.write("x" * 65_536) }
    LOG << "pending #{client.pending.positive?}"
  end

  def on_drained(_client) = LOG << "drained"
  def on_close(client) = LOG << "close #{client.close_code}"
end

# An event stream that sends what is published.
module Events
  extend self

  def on_open(client)
    client.write("hello\nworld")
    client.write("news", id: 7, event: "item", retry: 1500)
    client.subscribe("events")
    begin
      client.write("x", event: "a\nb")
    rescue ArgumentError => e
      client.write(e.class.name)
    end
    client.write("last #{client.last_event_id}")
  end

  def on_message(*) = LOG << "message on an event stream"
  def on_shutdown(client) = client.write("bye")
  def on_close(client) = LOG << "close #{client.protocol}"
end

HANDLERS = { "/echo" => Echo, "/describe" => Describe, "/commands" => Commands, "/subscribes" => Subscribes,
             "/slow" => Slow, "/events" => Events }.freeze

# A body that must be closed and not sent.
Body = Struct.new(:parts) do
  def each(&) = parts.each(&)
  def close = LOG << "body closed"
end

run(lambda do |env|
  path = env["PATH_INFO"]
  query = env["QUERY_STRING"]
  if path == "/log"
    next [200, {}, [Array.new(LOG.size) { LOG.pop }.join("\n")]]
  elsif path == "/publish"
    next [200, {}, [IodineRs.publish("events", query).to_s]]
  elsif path == "/env"
    keys = %w[rack.upgrade? upgrade.websocket?]
    next [200, {}, [keys.map { |key| env.fetch(key, :missing).inspect }.join(" ")]]
  elsif path == "/status"
    env["rack.upgrade"] = Echo
    headers = { "set-cookie" => %w[a=1 b=2], "x-app" => "yes", "content-length" => "4", "keep-alive" => "timeout=5", "x-sendfile" => "/srv/secret" }
    next [Integer(query), headers, Body.new(["body"])]
  elsif path == "/both"
    env["rack.upgrade"] = Echo
    env["upgrade.websocket"] = Object.new
    next [0, {}, []]
  elsif path == "/written"
    env["rack.upgrade?"] = query.to_sym
    env["rack.upgrade"] = Events
    next [200, {}, ["plain"]]
  elsif path == "/protocol"
    env["rack.upgrade"] = Echo
    next [101, { "sec-websocket-protocol" => query }, []]
  elsif path == "/class"
    env["rack.upgrade"] = Ordered
    next [0, {}, []]
  elsif (handler = HANDLERS[path])
    env["rack.upgrade"] = handler
    next [env["rack.upgrade?"] ? 0 : 200, {}, ["not upgraded"]]
  end
  [404, {}, []]
end)
