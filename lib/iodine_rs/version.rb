# frozen_string_literal: true

module IodineRs
  VERSION = "0.1.0"
end
