# frozen_string_literal: true

require_relative "../support/nginx"
require_relative "../support/server_process"

module Differential
  # The servers that are asked: this one, Puma and nginx, each a real process. The app of each reads the body and answers
  # 200.
  class Contestants
    APP = "run ->(env) { env['rack.input']&.read; [200, { 'content-type' => 'text/plain' }, ['ok']] }"
    NGINX = Nginx.configuration(<<~CONF).freeze
      client_header_timeout 30s;
      server {
        listen LISTEN;
        location / { default_type text/plain; return 200 "ok"; }
      }
    CONF
    private_constant :APP, :NGINX

    # Yields their ports by name.
    def self.run
      ours = ServerProcess.new(app: APP, args: %w[-t 5:5])
      puma = ServerProcess.new(app: APP, args: %w[-t 5:5], command: %w[puma])
      nginx = Nginx.new(NGINX, listen: "LISTEN")
      yield({ ours: ours.port, puma: puma.port, nginx: nginx.port })
    ensure
      [nginx, puma, ours].compact.each(&:stop)
    end
  end
end
