# frozen_string_literal: true

module IodineRs
  # Takes over signals and gives them back afterwards. All others stay with the app.
  class Signals
    # Signals that nobody sends to end a process, though they do where it has no use for them: a server that is about to
    # run must outlive them. CHLD needs no care, its default is to do nothing.
    COMMANDS = [*%w[HUP USR1 USR2 TTIN TTOU], *ThreadBacktraces::SIGNAL].freeze

    # @param inbox [#<<] receives the name of each signal
    # @param names [Array<String>]
    def initialize(inbox, names)
      @inbox = inbox
      @names = names
      @previous = {}
    end

    # @param names [Array<String>] some of them
    def install(names = @names)
      names.each do |name|
        previous = Signal.trap(name) { @inbox << name }
        @previous[name] = previous unless @previous.key?(name)
      end
    end

    # Takes over those that the inbox keeps until the server runs.
    def install_early = install(@names & COMMANDS)

    # Ignores them, which goes on in the program that this process executes next, until that one takes them over.
    def ignore
      (@previous.keys & COMMANDS).each do |name|
        @previous.delete(name)
        Signal.trap(name, "IGNORE")
      end
    end

    # nil stands for a handler that was not made by Ruby and cannot be given back.
    def restore
      @previous.each { |name, handler| Signal.trap(name, handler || "DEFAULT") }
      @previous.clear
    end
  end
end
