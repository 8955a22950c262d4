# frozen_string_literal: true

# Loaded before each of Puma's own test files (see rakelib/puma_suite.rake), so that they run against this server: it is
# known as ::Puma, and answers the few other names that the tests' helpers use. Nothing here changes what the server does.
require "iodine_rs"
require "openssl"
require_relative "names"
require_relative "minitest_stand_ins"
require_relative "results"
require_relative "wire"

IodineRs::Puma.offer

# The tests name the file of each class they use; what of it there is has been loaded.
module AnswerForPuma
  def require(path)
    %r{\Apuma(/|\z)}.match?(path) || %w[minitest/proveit minitest/stub_const].include?(path) ? false : super
  end
end
Object.prepend(AnswerForPuma)
