# frozen_string_literal: true
# The smallest Rack app. Run `iodine-rs` in this folder, then: curl http://localhost:9292
run ->(_env) { [200, { "content-type" => "text/plain" }, ["Hello World\n"]] }
