# frozen_string_literal: true

require "spec_helper"

# A named pipe in a server's directory: an app that says `File.read("gate")` stays there until the spec opens it.
class Gate
  include Eventually

  def initialize(server, name = "gate")
    @path = File.join(server.dir, name)
    File.mkfifo(@path)
  end

  # Waits until the app stands at the gate, which stays shut.
  def reached(limit: Eventually::LIMIT)
    @writer ||= eventually(limit:, message: "the app did not come to #{File.basename(@path)}") { writer }
  end

  # Waits until the app stands at the gate and lets it pass.
  def open(limit: Eventually::LIMIT)
    reached(limit:).close
    @writer = nil
  end

  private

  # Opens only when somebody reads.
  def writer
    File.open(@path, File::WRONLY | File::NONBLOCK)
  rescue Errno::ENXIO
    nil
  end
end
