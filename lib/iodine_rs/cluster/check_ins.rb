# frozen_string_literal: true

module IodineRs
  class Cluster
    # How workers tell the master that they live: one pipe for all, a line each time, short enough to be written in one
    # piece. The figures are written without JSON, which would pin the version of a gem that the app may want another of.
    class CheckIns
      # Seconds of a full pipe after which a check-in is left out.
      PATIENCE = 1
      private_constant :PATIENCE

      # A worker's end. The master's death closes `lifeline`.
      Reporter = Struct.new(:writer, :lifeline) do
        # @param word [String] "booted", "alive" or "stopping"
        # @param stats [Hash{Symbol => Integer, Array<Integer>}]
        def report(word, stats)
          line = [Process.pid, word, *stats.map { |name, value| "#{name}=#{[*value].join(",")}" }].join(" ")
          writer.write("#{line}\n") if writer.wait_writable(PATIENCE)
        rescue Errno::EPIPE
          # The lifeline will tell.
        end

        # Whether the master is gone; waits for that.
        def master_died?(seconds) = !lifeline.wait_readable(seconds).nil?
      end

      def initialize
        @reader, @writer = IO.pipe
        @lifeline = lifeline
        @line = +""
      end

      # In a new worker: keeps what is a worker's.
      def for_worker
        @reader.close
        Reporter.new(@writer, @lifeline)
      end

      # What to wait for.
      def to_io = @reader

      # What has arrived: [pid, word, stats] each.
      def take
        while (read = @reader.read_nonblock(65_536, exception: false)).is_a?(String)
          @line << read
        end
        @line.slice!(/.*\n/m).to_s.lines.map { |line| parse(line) }
      end

      private

      # The end of a pipe whose other end is this process's alone, whoever forks: also the app, from a hook.
      def lifeline
        reader, writer = IO.pipe
        Native.keep_from_children(writer.fileno)
        writer.close
        reader
      end

      def parse(line)
        pid, word, *stats = line.split
        [Integer(pid), word, stats.to_h { |pair| pair.split("=").then { |name, value| [name.to_sym, figure(value)] } }]
      end

      def figure(text) = text.include?(",") ? text.split(",").map { |part| Integer(part) } : Integer(text)
    end
  end
end
