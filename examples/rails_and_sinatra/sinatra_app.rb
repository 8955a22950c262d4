# frozen_string_literal: true

require "sinatra/base"
require_relative "shared_session"

# The Sinatra app: streams for those who have signed in to the Rails app.
class Stream < Sinatra::Base
  set :host_authorization, permitted_hosts: []
  SharedSession.add_to(self)

  # Writes what is published to a channel straight to its reader.
  Listener = Struct.new(:channel) do
    def on_open(client)
      client.subscribe(channel)
      client.write("listening")
    end
  end

  get "/:channel" do |channel|
    halt 401, "Sign in first.\n" unless env["rack.session"]["user"]
    halt 406, "This is an event stream.\n" unless env["rack.upgrade?"] == :sse

    env["rack.upgrade"] = Listener.new(channel)
    200
  end
end
