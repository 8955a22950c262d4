# frozen_string_literal: true

require "fileutils"
require "socket"
require "tmpdir"
require_relative "eventually"

# A real Redis in a process of its own, on a free port, that forgets everything.
class RedisServer
  include Eventually

  attr_reader :port

  def self.available? = system("redis-server --version", out: File::NULL, err: File::NULL)

  def initialize
    @directory = Dir.mktmpdir("iodine-rs-redis")
    @port = TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }
    start
  end

  def url = "redis://127.0.0.1:#{port}/0"

  def start
    @pid = Process.spawn("redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--save", "", "--dir", @directory,
                         %i[out err] => File::NULL)
    eventually { ask("PING") == "+PONG" }
  end

  def stop
    Process.kill("KILL", @pid)
    Process.wait(@pid)
  end

  # Leaves everything without an answer while the block runs.
  def pause
    Process.kill("STOP", @pid)
    yield
  ensure
    Process.kill("CONT", @pid)
  end

  def finish
    stop
    FileUtils.rm_rf(@directory)
  end

  # Sends a command and returns the first line of the answer.
  def ask(command)
    TCPSocket.open("127.0.0.1", port) do |socket|
      socket.write("#{command}\r\n")
      socket.gets.chomp
    end
  rescue SystemCallError
    nil
  end

  # How many clients listen to a channel.
  def listeners(channel)
    TCPSocket.open("127.0.0.1", port) do |socket|
      socket.write("PUBSUB NUMSUB #{channel}\r\n")
      Array.new(4) { socket.gets.chomp }.last.delete_prefix(":").to_i
    end
  end

  # Connections of clients, without the one that asks.
  def clients
    TCPSocket.open("127.0.0.1", port) do |socket|
      socket.write("CLIENT LIST\r\n")
      socket.read(socket.gets[1..].to_i).lines.size - 1
    end
  end
end
