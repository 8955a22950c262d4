# frozen_string_literal: true

# The page that `bin/dev` serves: the server at work.
#
#   iodine-rs                                            (in this folder)
#   open http://localhost:9292
#   curl -N http://localhost:9292/clock                  time and counters, five lines a second
#   curl --data-binary @config.ru localhost:9292/echo    what you send comes back
#   websocat ws://localhost:9292/live                    what the pages say to each other
#   curl -i http://localhost:9292/boom                   the page a developer gets for an error

require "rack"
require_relative "counters"
require_relative "welcome"

counters = Counters.new

use Rack::Static, urls: %w[/welcome.css /welcome.js], root: File.join(__dir__, "public")
use Counters::Middleware, counters
run Welcome.new(counters)
