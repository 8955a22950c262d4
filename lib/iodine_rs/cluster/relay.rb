# frozen_string_literal: true

require "socket"

module IodineRs
  class Cluster
    # Passes publications on: from each worker to the others and to the master's own subscriptions, and from the master to
    # all workers. Publications are not taken apart here, only counted off (see ext/iodine_core/src/pubsub/frame.rs).
    class Relay
      # Bytes of one reading.
      CHUNK = 65_536
      private_constant :CHUNK

      # @param limit [Integer] bytes that may wait for one worker
      # @param inbox [Inbox] wakes the master where another thread has published
      def initialize(limit, log, inbox)
        @limit = limit
        @log = log
        @inbox = inbox
        @lock = Mutex.new
        @peers = {}
        @pid = Process.pid
      end

      # A way to a new worker; returns the worker's end.
      def open(index)
        ours, theirs = UNIXSocket.pair
        @lock.synchronize { @peers[index] = Peer.new(ours, @limit) }
        theirs
      end

      # A worker has ended; what it published before is passed on.
      def remove(index)
        peer = @lock.synchronize { @peers[index] } or return
        receive(peer)
        PubSub::Engines.forget(peer)
        @lock.synchronize { @peers.delete(index) }
        peer.socket.close
      end

      # Tells the way to Redis whether a channel has subscribers in this server.
      def notify(name, pattern, subscribed)
        @lock.synchronize { @peers[:redis]&.queue(PubSub.notice_frame(name, pattern, subscribed)) }
        @inbox << :publication
      end

      # In a new worker: closes the master's ends.
      def close = @peers.each_value { |peer| peer.socket.close }

      # To all workers, from any thread of the master; not from its children, whose publications are their own.
      def publish(frame)
        return unless Process.pid == @pid

        @lock.synchronize { @peers.each_value { |peer| queue(peer, frame) } }
        @inbox << :publication
      end

      # What to wait for.
      def readers = @peers.values.reject(&:ended?)
      def writers = @peers.values.select(&:pending?)

      # Moves what can be moved.
      def turn(readable, writable)
        readable.grep(Peer).each { |peer| receive(peer) }
        @lock.synchronize { writable.grep(Peer).each(&:flush) }
        @peers.each_value { |peer| tell(peer) }
      end

      private

      def receive(peer)
        while (frames = peer.receive(CHUNK))
          publications, notices = PubSub.deliver_frames(frames)
          notices.each { |notice| PubSub::Engines.note(peer, *notice) }
          @lock.synchronize { @peers.each_value { |other| queue(other, publications) unless other.equal?(peer) } }
        end
      end

      def queue(peer, frames)
        peer.lost += PubSub.count_frames(frames) unless frames.empty? || peer.queue(frames)
      end

      # How many publications a process has not got; once a second at most.
      def tell(peer)
        return unless peer.lost.positive? && peer.complaints.due?

        @log.error("#{peer.lost} publications were dropped: a process has #{@limit} bytes of them waiting (max_relay)")
        peer.lost = 0
      end

      # The master's end of the way to one worker.
      class Peer
        # `complaints` are those about a process that does not read.
        attr_reader :socket, :complaints
        # Publications that did not find room, and of which nobody knows.
        attr_accessor :lost
        alias to_io socket

        def initialize(socket, limit)
          @socket = socket
          @limit = limit
          @incoming = String.new(encoding: Encoding::BINARY)
          @outgoing = []
          @pending = 0
          @lost = 0
          @complaints = Complaints.new
        end

        def pending? = !@outgoing.empty?

        # Whether the worker's end is closed.
        def ended? = @ended

        # Complete frames that have arrived; nil where there are none.
        def receive(chunk)
          loop do
            read = ended? ? nil : @socket.read_nonblock(chunk, exception: false)
            @ended ||= read.nil?
            @incoming << read if read.is_a?(String)
            whole = PubSub.whole_frames(@incoming)
            return @incoming.slice!(0, whole) if whole.positive?
            return unless read.is_a?(String)
          end
        rescue SystemCallError
          @ended = true
          nil
        end

        # Writes frames, as soon as the worker reads them; false where too many wait.
        def queue(frames)
          return false if @pending + frames.bytesize > @limit

          @outgoing << frames
          @pending += frames.bytesize
          flush
          true
        end

        # Writes what can be written.
        def flush
          while (frames = @outgoing.first)
            written = @socket.write_nonblock(frames, exception: false)
            return if written == :wait_writable

            @pending -= written
            written == frames.bytesize ? @outgoing.shift : @outgoing[0] = frames.byteslice(written..)
          end
        rescue SystemCallError
          # The worker is gone; it will be reaped.
          @outgoing.clear
          @pending = 0
        end
      end
    end
  end
end
