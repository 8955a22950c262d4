# frozen_string_literal: true

# The chat of the article, in our own words: the handler is the connection.

# Speaks for one client.
class Talker
  def initialize(env) = @name = env["PATH_INFO"].delete_prefix("/").dup.force_encoding("UTF-8")

  def on_open = puts("#{@name} came")
  def on_close = puts("#{@name} left, #{count} remain")
  def on_shutdown = write("The server is going away")

  def on_message(data)
    return puts(probe.inspect) if data == "probe"

    text = "#{@name}: #{data}"
    write text
    each { |other| other.write text }
  end

  private

  def probe
    [conn_id.is_a?(Integer), has_pending?, open?, self.class.count, defer { |one| one.write("deferred") }.is_a?(Proc),
     defer(99_999) {}, each_write("to all others"), IodineRs::Websocket.count]
  end
end

# `new`ed by the server.
class Plain
  def on_message(data) = write(data)
end

# May not be changed any more.
class Solid
  def on_message(data) = write("solid #{data}")
end
Solid.freeze

run(lambda do |env|
  if env["upgrade.websocket?"]
    key, handler = { "/plain" => ["upgrade.websocket", Plain], "/alias" => ["iodine.websocket", Plain],
                     "/solid" => ["upgrade.websocket", Solid],
                     "/frozen" => ["upgrade.websocket", Plain.new.freeze] }[env["PATH_INFO"]]
    env[key || "upgrade.websocket"] = handler || Talker.new(env)
    next [0, { "set-cookie" => "seen=1" }, []]
  end
  [200, {}, ["page"]]
end)
