# frozen_string_literal: true

# A quick answer, and one that a slow reader can take its time for.
large = ("x" * 1024 * 1024).freeze
text = { "content-type" => "text/plain" }.freeze

run(lambda do |env|
  env["rack.input"]&.read
  [200, text.dup, [env["PATH_INFO"] == "/large" ? large : "done"]]
end)
