# frozen_string_literal: true

# Stands where programs look for this part of Puma; steps aside for a real one.
require "iodine_rs"
IodineRs::Puma.answer("puma/binder.rb")
