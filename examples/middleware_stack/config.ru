# frozen_string_literal: true

# A stack of middleware: each `use` wraps what follows, the request goes down and the response comes up.
#
#   iodine-rs                                                  (in this folder)
#   curl -i http://localhost:9292                              x-runtime, etag, a session cookie
#   curl -i --compressed http://localhost:9292/long            Deflater
#   curl -i -H 'If-None-Match: W/"…"' http://localhost:9292    304, with the etag of the first answer
#   curl -c jar -b jar http://localhost:9292                   Session: counts your visits
#   curl -i http://localhost:9292/style.css                    Static
#   curl -i -d _method=PUT http://localhost:9292               MethodOverride
#   curl -i -u admin:secret http://localhost:9292/admin        Auth::Basic, behind `map`
#   curl -i http://localhost:9292/boom                         ShowExceptions

require "rack"
require "rack/session"
require "securerandom"
require_relative "footprint"
require_relative "visits"

use Rack::ShowExceptions
use Rack::Runtime
use Rack::Static, urls: ["/style.css"], root: File.join(__dir__, "public"), cascade: true
use Rack::ConditionalGet
use Rack::ETag
use Rack::Deflater, if: ->(_env, _status, headers, _body) { headers["content-type"].to_s.start_with?("text/") }
use Rack::Head
use Rack::MethodOverride
use Rack::TempfileReaper
use Rack::Session::Cookie, key: "visits", secret: ENV.fetch("SESSION_SECRET") { SecureRandom.hex(64) }
use Footprint

map "/admin" do
  use Rack::Auth::Basic, "staff only" do |name, password|
    Rack::Utils.secure_compare("admin:secret", "#{name}:#{password}")
  end
  run ->(_env) { [200, { "content-type" => "text/plain" }, ["welcome, admin\n"]] }
end

map("/boom") { run ->(_env) { raise "no middleware left below" } }

run Visits.new
