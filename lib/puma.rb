# frozen_string_literal: true

# Stands where programs look for Puma itself; steps aside for a real one.
require "iodine_rs"
IodineRs::Puma.answer("puma.rb")
