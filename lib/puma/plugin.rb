# frozen_string_literal: true

# Stands where plugins look for Puma::Plugin; steps aside for a real Puma.
require "iodine_rs"
IodineRs::Puma.answer("puma/plugin.rb")
