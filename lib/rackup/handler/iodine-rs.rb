require "rackup/handler/iodine_rs"
