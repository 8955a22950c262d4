# frozen_string_literal: true

require "rackup/handler"
require "iodine_rs"

module Rackup
  module Handler
    # `rackup -s iodine_rs`
    module IodineRs
      extend ::IodineRs::RackHandler
    end

    register :iodine_rs, IodineRs
    register :"iodine-rs", IodineRs
  end
end
