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

# Callbacks that tell who answers.
module Telling
  def name = self.class.name.downcase
  def on_open = write("#{name} open")
  def on_message(data) = write("#{name} #{data}")
  def on_close = puts("#{name} left")
end

# Callbacks of a module that the class has included before the server mixes its own in.
class Borrower
  include Telling
end

# Those of its superclass.
class Heir < Borrower
  def initialize = @seen = [write("early"), close, open?, has_pending?, self.class.count.class]
  def on_message(data) = data == "seen" ? write(@seen.inspect) : super
end

# May not be changed any more.
class Solid
  include Telling
end
Solid.freeze

# A handler that is a module: one connection at a time.
module Single
  extend Telling
  def self.name = "module"
end

# A handler of no class of its own.
LONER = Object.new.extend(Telling)

run(lambda do |env|
  if env["upgrade.websocket?"]
    key, handler = { "/plain" => ["upgrade.websocket", Plain], "/alias" => ["iodine.websocket", Plain],
                     "/solid" => ["upgrade.websocket", Solid], "/module" => ["upgrade.websocket", Single],
                     "/heir" => ["upgrade.websocket", Heir], "/borrower" => ["upgrade.websocket", Borrower.new],
                     "/object" => ["upgrade.websocket", LONER],
                     "/frozen" => ["upgrade.websocket", Plain.new.freeze] }[env["PATH_INFO"]]
    env[key || "upgrade.websocket"] = handler || Talker.new(env)
    next [0, { "set-cookie" => "seen=1" }, []]
  end
  next [200, {}, [Object.new.respond_to?(:on_open) ? "mixed in" : "nothing mixed in"]] if env["PATH_INFO"] == "/core"

  [200, {}, ["page"]]
end)
