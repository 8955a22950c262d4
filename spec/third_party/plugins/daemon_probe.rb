# frozen_string_literal: true

require_relative "probe"

# Puts itself into Puma's runners, which are not there: refused. A service manager keeps a server in the background.
ThirdParty.probe "puma-daemon", "kigster/puma-daemon", modes: ["one process"] do
  def config = "require 'puma/daemon'\ndaemonize"

  def live(mode)
    @mode = mode
    server = boot(wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(%r{\AERROR: .*config/puma.rb:4: cannot load such file -- puma/runner})
  end
end
