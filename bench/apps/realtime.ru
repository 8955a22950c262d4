# frozen_string_literal: true

# Written for the API that iodine 0.7 has, too.

module Echo
  extend self

  def on_message(client, data) = client.write(data)
end

module Room
  extend self

  def on_open(client) = client.subscribe(channel(client))
  def channel(client) = client.env["PATH_INFO"].split("/").last
end

module Publisher
  extend self

  def on_message(client, data) = client.publish(Room.channel(client), data)
end

HANDLERS = { "/echo" => Echo, "/room" => Room, "/publisher" => Publisher }.freeze

run(lambda do |env|
  env["rack.upgrade"] = HANDLERS[env["PATH_INFO"][%r{\A/\w+}]] if env["rack.upgrade?"]
  [200, {}, []]
end)
