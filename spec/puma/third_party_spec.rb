# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"
require_relative "../support/cluster"

# What gems that extend Puma call, by plugins of our own. The real ones: rake third_party_plugins.
RSpec.describe "Gems that extend Puma" do
  modes = { "workers 0" => 1, "workers 2\npreload_app! false" => 2, "workers 2\npreload_app!" => 2 }
  with_puma = { "RUBYOPT" => "-rbundler/setup" }

  # A server with three threads in each process, and a plugin called "theirs".
  define_method(:beside) do |plugin, config = "", mode: "workers 0", gems: [], files: {}, app: ClusterMethods::WAITING, **rest|
    serve(app, args: %w[-I lib], env: with_puma, **rest, files: {
      "Gemfile" => Bundle.gemfile(*gems), "lib/puma/plugin/theirs.rb" => plugin, **files,
      "config/puma.rb" => "threads 3, 3\nworker_check_interval 1\n#{mode}\nplugin :theirs\n#{config}"
    })
  end

  def ends_well(server)
    server.signal("INT")
    expect(server.wait_exit.exitstatus).to eq(0)
    expect(server.stderr).to eq("")
  end

  modes.each_key do |mode|
    it "G-08, D-61: one that asks the control app knows where it is, and its token (#{mode.tr("\n", " ")})" do
      server = beside(<<~'RUBY', "activate_control_app", mode:)
        require "puma/plugin"
        require "socket"

        Puma::Plugin.create do
          def start(launcher)
            url, token = launcher.options[:control_url], launcher.options[:control_auth_token]
            launcher.events.after_booted do
              Thread.new do
                Socket.unix(url.delete_prefix("unix://")) do |socket|
                  socket << "GET /stats?token=#{token} HTTP/1.0\r\n\r\n"
                  launcher.log_writer.log("asked: #{socket.read.lines.last[0, 14]}")
                end
              end
            end
          end
        end
      RUBY
      server.wait_for_stdout(/asked: \{"started_at":/)
      ends_well(server)
    end
  end
end
