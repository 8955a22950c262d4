# frozen_string_literal: true

# A shop: Sinatra beside Rails, a class of its own in the file, a Proc as the app's door.
class Counter
  attr_reader :count

  def initialize = @count = 0
  def add = @count += 1
end

counter = Counter.new
require_relative "../lib/settings"

threads SETTINGS.fetch(:threads)
port ENV.fetch("PORT", 3000)
on_thread_start { counter.add }
before_thread_exit { counter.add }
on_booted { puts "counted #{counter.count}" }
early_hints true
max_keep_alive Float::INFINITY
