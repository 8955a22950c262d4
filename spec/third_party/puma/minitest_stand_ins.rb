# frozen_string_literal: true

require "minitest"

# What the tests take from two gems, minitest-proveit and minitest-stub-const.
module Minitest
  class Test
    # A test that asserts nothing fails.
    def self.prove_it! = prepend(Proof)

    module Proof
      def after_teardown
        super
        flunk("the test asserts nothing") if passed? && assertions.zero?
      end
    end
  end
end

class Module
  # Gives the constant another value while the block runs.
  def stub_const(name, value)
    before = const_get(name)
    replace_const(name, value)
    yield
  ensure
    replace_const(name, before)
  end

  private

  def replace_const(name, value)
    remove_const(name) if const_defined?(name, false)
    const_set(name, value)
  end
end
