# frozen_string_literal: true

require "rack"

# One guest of the chat. The server mixes `write`, `each`, `count` and others in.
class Talker
  def initialize(env)
    # Strings of the env are ASCII-8BIT, which `write` would send as binary.
    name = Rack::Utils.unescape_path(env["PATH_INFO"].delete_prefix("/")).force_encoding(Encoding::UTF_8).scrub
    @name = name.empty? ? "Somebody" : name
  end

  def on_open
    write "Welcome, #{@name}. Guests: #{count}"
    tell_others "#{@name} came"
  end

  def on_message(text)
    write "You: #{text}"
    tell_others "#{@name}: #{text}"
  end

  def on_shutdown = write("The server is going away, goodbye")

  # The connection is not counted any more.
  def on_close = tell_others("#{@name} left, #{count} remain")

  private

  def tell_others(text) = each { |other| other.write(text) }
end
