# frozen_string_literal: true

body = ("x" * 1024 * 1024).freeze

run ->(_env) { [200, { "content-type" => "application/octet-stream" }, [body]] }
