# frozen_string_literal: true

module IodineRs
  # Takes over signals and gives them back afterwards. All others stay with the app.
  class Signals
    # @param inbox [#<<] receives the name of each signal
    # @param names [Array<String>]
    def initialize(inbox, names)
      @inbox = inbox
      @names = names
      @previous = {}
    end

    def install
      @names.each { |name| @previous[name] = Signal.trap(name) { @inbox << name } }
    end

    # nil stands for a handler that was not made by Ruby and cannot be given back.
    def restore
      @previous.each { |name, handler| Signal.trap(name, handler || "DEFAULT") }
      @previous.clear
    end
  end
end
