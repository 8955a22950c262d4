# frozen_string_literal: true

require "rb_sys/extensiontask"

RbSys::ExtensionTask.new("iodine_rs", GEMSPEC) { |extension| extension.lib_dir = "lib/iodine_rs" }
