# frozen_string_literal: true

require "spec_helper"
require_relative "../support/websocket_client"

# A class that is looked up in the first request is looked up in Ruby code, under a lock of Rust's: where Ruby switches
# threads there, the next request waits for that lock and holds the GVL.
RSpec.describe "Classes of the server" do
  app = <<~'RUBY'
    Object.singleton_class.prepend(Module.new { def const_get(name, *) = puts("looked up #{name}") || super })
    module Echo
      extend self
      def on_message(client, data) = client.write(data)
    end
    run lambda { |env|
      env["rack.upgrade"] = Echo if env["rack.upgrade?"]
      case env["PATH_INFO"]
      when "/stream" then [200, {}, ->(stream) { stream.write("streamed") && stream.close }]
      when "/hijack" then env["rack.hijack"].call.then { |io| io.write("HTTP/1.0 200 OK\r\n\r\nhijacked") && io.close } && [-1, {}, []]
      when "/hints" then env["rack.early_hints"].call("link" => "</a>") || [200, {}, ["hinted"]]
      else [200, {}, [env["rack.input"].read || ""]]
      end
    }
  RUBY

  it "have been looked up before the first request comes" do
    server = serve(app, args: %w[--early-hints])
    bodies = %w[/ /stream /hijack /hints].map { |path| Http.get(server, path).body }
    expect(bodies).to eq(["", "streamed", "hijacked", "hinted"])
    expect(Http.post(server.port, "/", "posted").body).to eq("posted")
    client = WebSocketClient.new(server, "/")
    expect(client.ask("hello")).to eq("hello")
    client.close
    expect(server.stdout[/Use Ctrl-C to stop.*/m]).not_to include("looked up IodineRs")
  end
end
