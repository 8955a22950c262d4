# frozen_string_literal: true

require "socket"

module IodineRs
  # Tells systemd how the server is (sd_notify(3)), where that wants to know: NOTIFY_SOCKET.
  class ServiceManager
    include Monotonic

    # Seconds between two lines for `systemctl status`.
    STATUS = 1
    private_constant :STATUS

    # @param env [Hash] PUMA_SKIP_SYSTEMD turns it off, as for Puma
    def initialize(env: ENV)
      @path = env["NOTIFY_SOCKET"] unless env.key?("PUMA_SKIP_SYSTEMD")
      usec = Integer(env["WATCHDOG_USEC"], exception: false)
      watched = usec&.positive? && [nil, Process.pid.to_s].include?(env["WATCHDOG_PID"])
      @watchdog = usec / 2_000_000.0 if watched
      @watched = @told = now
    end

    # Whether anybody wants to know.
    def any? = !@path.nil? && !@path.empty?

    # Every connection is served.
    def ready = notify("READY=1")

    # It begins anew, or its workers do.
    def reloading
      notify("RELOADING=1\nMONOTONIC_USEC=#{Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)}")
    end

    # It ends.
    def stopping = notify("STOPPING=1")

    # Seconds until `tick` wants to be called; nil for never.
    def patience
      return unless any?

      [@told + STATUS, *(@watched + @watchdog if @watchdog)].min.-(now).clamp(0, STATUS)
    end

    # What is due: a sign of life, and the line that the block returns.
    def tick
      return unless any?

      if @watchdog && now >= @watched + @watchdog
        @watched = now
        notify("WATCHDOG=1")
      end
      return if now < @told + STATUS

      @told = now
      notify("STATUS=iodine-rs #{VERSION}: #{yield}")
    end

    # One process' figures for such a line.
    def self.describe(stats)
      format("{ %d/%d threads, %d available, %d backlog }", *%i[running max_threads pool_capacity backlog].map { |name| stats[name].to_i })
    end

    private

    def notify(text)
      return unless any?

      Socket.open(:UNIX, :DGRAM) do |socket|
        socket.connect(Addrinfo.unix(@path.sub(/\A@/, "\0")))
        socket.write(text)
      end
    rescue SystemCallError, ArgumentError
      # Whoever wanted to know does not listen; the server has other work.
    end
  end
end
