# frozen_string_literal: true

# Reads the env that apps/env.ru saw for given request bytes.
module RequestEnv
  APP = File.expand_path("../apps/env.ru", __dir__)

  # A request head; `fields` are whole lines such as "X-A: b".
  def head(target = "/", *fields, method: "GET", version: "1.1", host: "example.org")
    fields.unshift("Host: #{host}") if host
    ["#{method} #{target} HTTP/#{version}", *fields, "", ""].map(&:b).join("\r\n")
  end

  def env_of(bytes, server: env_server)
    sock = server.connect
    response = sock.request(bytes)
    raise "the env app answered #{response.status}: #{response.body}" unless response.status == 200

    Marshal.load(response.body)
  ensure
    sock&.close
  end
end
