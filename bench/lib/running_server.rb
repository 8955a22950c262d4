# frozen_string_literal: true

require "net/http"
require "socket"
require "tempfile"
require_relative "process_tree"

module Bench
  # A server process from its start to its end. Its output is kept for the message when it fails.
  class RunningServer
    START_LIMIT = 20
    STOP_LIMIT = 5
    # Between two looks whether it answers; what `bench/boot` can tell apart.
    INTERVAL = 0.002

    class Failed < StandardError; end

    attr_reader :port, :pid

    # Yields the server once it serves, and ends it afterwards, whatever happens.
    def self.open(server, **)
      running = new(server, **)
      yield running
    ensure
      running&.stop
    end

    def initialize(server, app:, threads:, env:, workers: 0)
      @name = server.name
      @port = Addrinfo.tcp("127.0.0.1", 0).bind { |socket| socket.local_address.ip_port }
      @log = Tempfile.new("bench")
      @pid = Process.spawn(server.env.merge(env), *server.arguments(port: @port, threads:, workers:, app:),
                           chdir: ROOT, in: File::NULL, %i[out err] => @log.path, pgroup: true)
      @tree = ProcessTree.new(@pid)
    end

    def cpu_seconds = @tree.cpu_seconds
    def pss_kib = @tree.pss_kib
    def anonymous_kib = @tree.anonymous_kib
    def workers_pss_kib = @tree.children_pss_kib

    # Figures of a server that answers something else would be worthless.
    def check(load)
      answer = wait_for_answer(load.path)
      return if answer.is_a?(Net::HTTPOK) && answer.body.bytesize == load.bytes

      raise Failed, "#{@name} answered #{answer.code} with #{answer.body.bytesize} bytes to #{load.path}"
    end

    # Waits until it answers anything.
    def await = wait_for_answer("/")

    def stop
      return if ended?

      Process.kill("TERM", @pid)
      return if ended_within?(STOP_LIMIT)

      Process.kill("KILL", -@pid)
      Process.wait(@pid)
    ensure
      @log.close!
    end

    private

    def wait_for_answer(path)
      limit = now + START_LIMIT
      begin
        Net::HTTP.get_response("127.0.0.1", path, @port)
      rescue SystemCallError, EOFError => error
        raise Failed, "#{@name} does not serve (#{error.message}):\n#{File.read(@log.path)}" if now > limit || ended?

        sleep INTERVAL
        retry
      end
    end

    def ended_within?(seconds)
      limit = now + seconds
      sleep 0.02 until ended? || now > limit
      ended?
    end

    def ended? = @ended ||= !Process.wait(@pid, Process::WNOHANG).nil?

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
