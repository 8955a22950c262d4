# frozen_string_literal: true

# A chat with rooms by publish and subscribe; the same handler serves WebSockets and event streams.
#
#   iodine-rs                                        (in this folder)
#   websocat ws://localhost:9292/kitchen             the path is the room
#   curl -N -H 'accept: text/event-stream' http://localhost:9292/kitchen      listens only
#   curl -d 'tea is ready' http://localhost:9292/kitchen                      everybody in the room hears it
#
# `subscribe` without a block writes publications straight to the client: encoded once, without running Ruby for each.

module Room
  extend self

  def on_open(client)
    client.subscribe(room(client))
    client.write("You are in #{room(client)}") if client.protocol == :websocket
  end

  def on_message(client, text) = client.publish(room(client), text)

  private

  def room(client) = client.env["PATH_INFO"]
end

run(lambda do |env|
  if env["rack.upgrade?"]
    env["rack.upgrade"] = Room
    next [200, {}, []]
  end
  if env["REQUEST_METHOD"] == "POST"
    IodineRs.publish(env["PATH_INFO"], env["rack.input"].read)
    next [204, {}, []]
  end
  [200, { "content-type" => "text/plain" }, ["Open a WebSocket or an event stream here, or POST a message.\n"]]
end)
