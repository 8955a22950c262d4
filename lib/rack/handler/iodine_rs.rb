# frozen_string_literal: true

require "rack"
require "iodine_rs"

if Rack.release < "3"
  module Rack
    module Handler
      # `rackup -s iodine_rs` with Rack 2; since Rack 3 handlers are Rackup's.
      module IodineRs
        extend ::IodineRs::RackHandler
      end

      register "iodine_rs", "Rack::Handler::IodineRs"
      register "iodine-rs", "Rack::Handler::IodineRs"
    end
  end
else
  require "rackup/handler/iodine_rs"
end
