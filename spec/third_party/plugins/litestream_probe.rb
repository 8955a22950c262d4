# frozen_string_literal: true

require_relative "probe"

# Forks a process that starts the program that copies databases, here a script that runs for ever, and ends at once. What
# it has started is stopped by nobody.
ThirdParty.probe "litestream", "fractaledmind/litestream-ruby", needs: { "rails" => nil, "sqlite3" => nil }, modes: ["one process", "a preloading cluster"] do
  def config = "File.chmod(0o755, 'litestream')\nplugin :litestream"
  def environment = { "LITESTREAM_INSTALL_DIR" => "." }
  def files = { "litestream" => "#!/bin/sh\necho copies $*\nexec sleep 1000\n" }
  def app = "require 'rails'\nrequire 'litestream'\nLitestream.config_path = 'litestream.yml'\n#{super}"
  def forgotten = ["sleep 1000"]

  def look(server)
    starts = server.stdout.scan("Use Ctrl-C").size
    eventually { group(server.pid).grep("sleep 1000").size == starts }
    expect(server.stdout).to match(/copies replicate --config/)
    expect(Http.get(server).status).to eq(200)
  end
end
