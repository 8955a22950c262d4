# frozen_string_literal: true

require "erb"
require_relative "clock"
require_relative "live"

# The app behind the page: one method for each thing it shows.
class Welcome
  TEMPLATE = ERB.new(File.read(File.join(__dir__, "page.html.erb")), trim_mode: "-")

  def initialize(counters)
    @clock = Clock.new(counters)
  end

  def call(env)
    case env["PATH_INFO"]
    when "/" then page(env)
    when "/clock" then [200, { "content-type" => "application/x-ndjson", "cache-control" => "no-store" }, @clock]
    when "/echo" then echo(env)
    when "/live" then live(env)
    when "/ping" then [200, { "content-type" => "text/plain", "cache-control" => "no-store" }, ["pong"]]
    when "/boom" then raise "This is what an error looks like while you develop"
    else [404, { "content-type" => "text/plain" }, ["Nothing here. The page is at /\n"]]
    end
  end

  private

  def page(env)
    html = TEMPLATE.result_with_hash(env: env.sort.to_h.transform_values { |value| describe(value) },
                                     software: env.fetch("SERVER_SOFTWARE", "Rack"),
                                     h: ERB::Util.method(:html_escape))
    [200, { "content-type" => "text/html; charset=utf-8" }, [html]]
  end

  # Plain values as Ruby writes them; of everything else the class says enough.
  def describe(value)
    case value
    when String, Numeric, Symbol, Array, true, false, nil then value.inspect
    else value.class.name
    end
  end

  # Another server than iodine-rs offers no upgrade.
  def live(env)
    return [426, { "upgrade" => "websocket" }, []] unless env["rack.upgrade?"] == :websocket

    env["rack.upgrade"] = Live
    [101, {}, []]
  end

  # The upload was complete before this ran; `x-input` tells whether it waited in memory or in a file.
  def echo(env)
    input = env["rack.input"]
    headers = { "content-type" => "application/octet-stream", "x-input" => input ? input.class.name : "none" }
    [200, headers, input ? Parts.new(input) : []]
  end

  # A body that reads the upload back piece by piece, so that a large one never sits in a String.
  Parts = Struct.new(:input) do
    def each
      while (part = input.read(65_536))
        yield part
      end
    end
  end
end
