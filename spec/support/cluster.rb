# frozen_string_literal: true

require_relative "server_process"

# What specs ask of a server with workers.
module ClusterMethods
  # An app that tells its process. /wait answers when the file "go" appears, see `let_go`.
  WAITING = <<~'RUBY'
    run lambda { |env|
      if env["PATH_INFO"] == "/wait"
        puts "waiting"
        sleep 0.01 until File.exist?("go")
      end
      [200, {}, [Process.pid.to_s]]
    }
  RUBY

  # A connection whose request is inside that app.
  def waiting_request(server)
    server.connect.tap do |socket|
      socket.write("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
      server.wait_for_stdout(/waiting/)
    end
  end

  def let_go(server) = File.write("#{server.dir}/go", "")

  # Serves with so many workers and waits until all of them do.
  def cluster(app, workers: 2, args: [], **)
    serve(app, args: ["-w", workers.to_s, *args], **).tap { |server| await_workers(server, workers) }
  end

  # The numbers of processes that have booted, in the order of the output, once there are so many.
  def await_workers(server, count, limit: Eventually::LIMIT)
    eventually(limit:) { booted(server).size >= count }
    booted(server)
  end

  def booted(server) = server.stdout.scan(/- Worker \d+ \(PID: (\d+)\) booted/).flatten.map(&:to_i)

  def alive?(pid)
    Process.kill(0, pid)
    File.read("/proc/#{pid}/stat")[/\) (\S)/, 1] != "Z"
  rescue Errno::ESRCH, Errno::ENOENT
    false
  end

  # Whether nobody listens there any more.
  def refused?(port)
    RawSocket.new(port).close
    false
  rescue Errno::ECONNREFUSED
    true
  end

  def title(pid) = File.read("/proc/#{pid}/cmdline").delete("\0").strip

  # Workers' numbers, as the system tells.
  def children(pid) = File.read("/proc/#{pid}/task/#{pid}/children").split.map(&:to_i)
end

RSpec.configure { |config| config.include ClusterMethods }
