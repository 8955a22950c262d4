# frozen_string_literal: true

module IodineRs
  # Backtraces as a user wants to read them: without the frames of this gem and of Ruby itself.
  module Backtrace
    OURS = %r{\A#{Regexp.escape(__dir__)}[/.]|/(?:exe|bin)/iodine-rs:|\A<internal:}
    private_constant :OURS

    # The frames of an exception that are not ours; all of them if there are no others.
    def self.of(exception)
      lines = Array(exception.backtrace)
      theirs = lines.grep_v(OURS)
      theirs.empty? ? lines : theirs
    end
  end
end
