# frozen_string_literal: true

require_relative "../server_process"
require_relative "reply"

# The application side of the catalogue: tables whose rows read [number, description, app, reply]; the app is the source
# of a lambda's body with `env`, and can use the classes of bodies.rb.
module Wire
  # Extends an example group with such tables.
  module Apps
    BODIES = File.expand_path("bodies.rb", __dir__)

    # One example per row; all apps are served by one process with one thread, so that a lost thread shows.
    def apps(table)
      paths = table.each_with_index.map { |(number, *), index| "/#{number}/#{index}" }
      source = config(table.map { |_, _, app, _| app }, paths)
      define_method(:server) { ServerProcess.shared(source, app: source, args: %w[-t 1:1]) }
      table.zip(paths) do |(number, description, _, reply), path|
        it("row #{number}: #{description}") { reply.check(server, path) }
      end
    end

    # The response arrives like this and the connection is kept.
    def sent(body, status: 200, **) = Reply.new(status, body, **)

    # Answered with an empty 500, and a line about the app with this pattern in it.
    def failed(log)
      line = /Rack app \("GET %PATH%" - \(127\.0\.0\.1\)\): .*#{log.source}/m
      Reply.new(500, "", headers: { "content-length" => ["0"] }, log: line)
    end

    # Cut inside the body, of which this much arrives.
    def broken(body, log: nil, **) = Reply.new(200, body, ending: :broken, log:, **)

    # Answered with an empty 500 or not at all.
    def lost = Reply.new(500, "", ending: :either)

    private

    def config(sources, paths)
      entries = paths.zip(sources).map { |path, source| "#{path.dump} => ->(env) { #{source} }," }
      <<~RUBY
        require #{BODIES.dump}
        $stdout.sync = true
        apps = {
          #{entries.join("\n  ")}
        }
        apps.default = ->(_) { [200, {}, ["fine"]] }
        run ->(env) { apps[env["PATH_INFO"]].call(env) }
      RUBY
    end
  end
end
