# frozen_string_literal: true

require_relative "probe"

# Forks, before the app is loaded, a process that watches the stylesheets: here a script that runs until its input ends. The gem
# does not stop it for a hot restart, so that there are two afterwards, with Puma too; all end with the server.
ThirdParty.probe "tailwindcss-rails", "rails/tailwindcss-rails", bundled: false do
  def config = "File.chmod(0o755, 'bin/rails')\nplugin :tailwindcss"

  def files = { "lib/tailwindcss/ruby.rb" => "", "bin/rails" => "#!/bin/sh\necho $*\nexec cat\n" }

  def look(server)
    starts = server.stdout.scan("Use Ctrl-C").size
    eventually { group(server.pid).grep("cat").size == starts }
    expect(Http.get(server).status).to eq(200)
  end
end
