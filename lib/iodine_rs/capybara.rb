# frozen_string_literal: true

require "capybara"
require "iodine_rs"

module IodineRs
  # Capybara's server `:iodine_rs`, and `:puma` where there is no Puma: Rails' system tests and many helpers say that name.
  # Rails apps have it by themselves; others `require "iodine_rs/capybara"`.
  module CapybaraServer
    # Serves until the thread is killed that calls it.
    #
    # @param options Threads ("0:4"), Silent, and any option of Options::TABLE; what means nothing here is left out
    def self.serve(app, port, host, **options)
      layer = Options.layer(options.slice(*Options::TABLE.names))
      DSL.new(layer).threads(*options.fetch(:Threads, "0:4").to_s.split(":", 2))
      # Capybara raises in the test what the app has raised.
      errors = options[:Silent] ? File.open(File::NULL, "w") : $stderr
      server = Server.new(app, options: Options.new(layer), log: Log.new(out: nil, err: errors))
      server.add_tcp_listener(host, port)
      Log.new(out: options[:Silent] ? nil : $stdout).info("Capybara starting iodine-rs #{VERSION} on #{host}:#{port}")
      server.run.join
    end

    Capybara.register_server(:iodine_rs) { |app, port, host, **options| serve(app, port, host, **options) }
    Capybara.register_server(:puma) { |app, port, host, **options| serve(app, port, host, **options) } unless Puma.installed?
  end
end
