# frozen_string_literal: true

require "fileutils"
require "socket"
require "tmpdir"
require_relative "eventually"
require_relative "raw_socket"

# A real nginx in a directory of its own, on a free port.
class Nginx
  include Eventually

  # A configuration with this inside `http`: everything stays in the directory of its own, and nothing is logged.
  def self.configuration(http)
    <<~CONF
      daemon off;
      pid nginx.pid;
      error_log stderr crit;
      worker_processes 1;
      events { worker_connections 512; }
      http {
        access_log off;
        client_body_temp_path bodies;
        proxy_temp_path proxied;
        fastcgi_temp_path fastcgi;
        uwsgi_temp_path uwsgi;
        scgi_temp_path scgi;
        #{http}
      }
    CONF
  end

  attr_reader :port

  # @param config [String] with the addresses to be replaced: { "127.0.0.1:8080" => "127.0.0.1:40123" }
  # @param listen [String] the address in it on which nginx listens
  def initialize(config, listen:, replace: {})
    @port = TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }
    @directory = Dir.mktmpdir("iodine-rs-nginx")
    replace.merge(listen => "127.0.0.1:#{port}").each { |from, to| config = config.gsub(from, to) }
    File.write("#{@directory}/nginx.conf", config)
    # It warns about a log outside of its directory before it has read where the log is.
    @pid = Process.spawn("nginx", "-p", @directory, "-c", "nginx.conf", %i[out err] => "#{@directory}/log")
    eventually { listening? }
  end

  def connect(**) = RawSocket.new(port, **)

  def stop
    Process.kill("TERM", @pid)
    Process.wait(@pid)
    FileUtils.rm_rf(@directory)
  end

  private

  def listening?
    TCPSocket.new("127.0.0.1", port).close
    true
  rescue Errno::ECONNREFUSED
    raise "nginx ended: #{File.read("#{@directory}/log")}" if Process.wait(@pid, Process::WNOHANG)
  end
end
