require "iodine_rs"
