# frozen_string_literal: true

require "json"

# The WebSocket of the page: how many pages are open, and what they say to each other.
module Live
  extend self

  CHANNEL = "welcome"
  LONGEST = 200

  def on_open(client)
    client.subscribe(CHANNEL)
    tell_count
  end

  def on_message(_client, text) = tell(says: text[0, LONGEST])

  # The connection is not counted any more.
  def on_close(_client) = tell_count

  def on_shutdown(client) = client.write(JSON.generate(away: true))

  private

  def tell_count = tell(pages: IodineRs::Websocket.count)

  def tell(news) = IodineRs.publish(CHANNEL, JSON.generate(news))
end
