# frozen_string_literal: true

# Sends every message back.
module Echo
  extend self

  def on_message(client, data) = client.write(data)
end

run(lambda do |env|
  env["rack.upgrade"] = Echo
  [200, {}, []]
end)
