require "rack/handler/iodine_rs"
