# frozen_string_literal: true

module IodineRs
  module Puma
    # The Puma whose interface this is. Plugins choose their words by it.
    module Const
      VERSION = PUMA_VERSION = "8.0.2"
      CODE_NAME = "iodine-rs #{IodineRs::VERSION}".freeze
      PUMA_SERVER_STRING = CODE_NAME
      PUMA_CONFIG = "puma.config"
    end
  end
end
