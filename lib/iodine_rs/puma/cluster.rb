# frozen_string_literal: true

module IodineRs
  module Puma
    # Agents wrap its `stop_workers`.
    Cluster = IodineRs::Cluster
  end
end
