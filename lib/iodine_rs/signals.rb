# frozen_string_literal: true

module IodineRs
  # Takes over the signals that stop a server and gives them back afterwards. All others stay with the app.
  class Signals
    NAMES = %w[INT TERM QUIT].freeze

    # @param queue [Thread::Queue] receives the name of each signal
    def initialize(queue)
      @queue = queue
      @previous = {}
    end

    def install
      NAMES.each { |name| @previous[name] = Signal.trap(name) { @queue << name } }
    end

    # nil stands for a handler that was not made by Ruby and cannot be given back.
    def restore
      @previous.each { |name, handler| Signal.trap(name, handler || "DEFAULT") }
      @previous.clear
    end
  end
end
