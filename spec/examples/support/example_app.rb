# frozen_string_literal: true

# Serving the apps of examples/, and watching when the parts of their answers arrive.
module ExampleApp
  FOLDER = File.expand_path("../../../examples", __dir__)

  # Every folder of examples/ that has an app.
  def self.names = Dir.glob("*/config.ru", base: FOLDER).map { |path| File.dirname(path) }.sort

  def self.config(name) = File.join(FOLDER, name, "config.ru")

  # The examples pause for a second between two parts; here it is less.
  PAUSE = 0.2

  # Starts the example for one spec. `shared: true` keeps the server for all specs that ask for it like this.
  def serve_example(name, shared: false, env: {}, **options)
    env = { "PAUSE" => PAUSE.to_s, **env }
    return serve(ExampleApp.config(name), env:, **options) unless shared

    ServerProcess.shared([name, env, options], rackup: ExampleApp.config(name), env:, **options)
  end

  # Sends a GET and returns the socket; the answer is still to be read.
  def open_request(server, path, headers = {})
    server.connect.write(Http.head("GET", path, headers))
  end

  # Reads the answer up to each of the parts in turn and returns the seconds between the first and the last: what
  # was held back until the end arrives all at once.
  def seconds_between(socket, first, *others)
    socket.read_until(first)
    start = Eventually.now
    others.each { |part| socket.read_until(part) }
    Eventually.now - start
  end
end
