# frozen_string_literal: true

require "json"
require "open3"
require_relative "raw_socket"
require_relative "server_process"

# What specs do in the operator's place.
module OperatorMethods
  root = File.expand_path("../..", __dir__)
  CTL = [RbConfig.ruby, "-I#{root}/lib", "#{root}/exe/iodine-rs", "ctl"].freeze
  ENVIRONMENT = { "APP_ENV" => nil, "RACK_ENV" => nil, "RAILS_ENV" => nil }.freeze

  # Where the control app listens, as it is printed: a port, or the path of a socket.
  def control(server)
    place = server.wait_for_stdout(%r{Starting control server on (?:unix://(\S+)|http://\S+?:(\d+))$})
    place[1] || place[2].to_i
  end

  # The port of the metrics.
  def metrics_port(server) = server.wait_for_stdout(%r{Serving metrics on http://127.0.0.1:(\d+)/metrics$})[1].to_i

  # One request to such a place.
  def ask(place, target, more = "", **)
    RawSocket.open(place) { |socket| socket.request("GET #{target} HTTP/1.1\r\nhost: x\r\n#{more}\r\n", **) }
  end

  # The figures of the control app.
  def stats(place) = JSON.parse(ask(place, "/stats").body, symbolize_names: true)

  # Runs `iodine-rs ctl` in the server's directory; output and status.
  def ctl(server, *args, env: {})
    output, status = Open3.capture2e({ **ENVIRONMENT, **env }, *CTL, *args.map(&:to_s), chdir: server.dir)
    [output, status.exitstatus]
  end
end

RSpec.configure { |config| config.include OperatorMethods }
