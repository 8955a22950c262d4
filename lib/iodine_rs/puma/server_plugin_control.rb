# frozen_string_literal: true

module IodineRs
  module Puma
    # What `before_thread_start` gets.
    ServerPluginControl = PoolControl
  end
end
