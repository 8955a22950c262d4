# frozen_string_literal: true

require "openssl"
require_relative "raw_socket"

# A client that sends exactly the bytes it is given, encrypted by OpenSSL.
class TLSSocket < RawSocket
  # A server as the other clients want it: something that they can connect to.
  Door = Struct.new(:port, :options) do
    def connect(**more) = TLSSocket.new(port, **options, **more)
  end

  # What a server says when it turns a client away, or nil.
  attr_reader :alert

  # @param before [String] bytes in front of the handshake
  # @param session [OpenSSL::SSL::Session, nil] of an earlier connection
  # @param options attributes of an OpenSSL::SSL::SSLContext
  def initialize(port, host: "127.0.0.1", name: "localhost", before: nil, receive_buffer: nil, session: nil, **options)
    super(port, host:, receive_buffer:)
    @tcp = @io
    @tcp.write(before) if before
    context = OpenSSL::SSL::SSLContext.new
    options.each { |attribute, value| context.public_send(:"#{attribute}=", value) }
    @io = OpenSSL::SSL::SSLSocket.new(@tcp, context)
    @io.sync_close = true
    @io.hostname = name
    @io.session = session if session
    shake_hands
  end

  def to_io = @tcp

  # The session: certificate, protocol, cipher.
  def ssl = @io

  # True when the server said goodbye before it ended the connection (RFC 8446, section 6.1).
  def close_notify? = @close_notify

  # Says goodbye; the server may still answer.
  def half_close
    @io.send(:stop)
    self
  end

  # Ends the TCP connection, without a goodbye.
  def cut = @tcp.close

  private

  def shake_hands
    deadline = Eventually.now + LIMIT
    loop do
      case @io.connect_nonblock(exception: false)
      when :wait_readable then await_tcp(deadline, "waiting for the handshake")
      when :wait_writable then @tcp.wait_writable(1)
      else return
      end
    end
  end

  def fill(deadline, what)
    loop do
      return if @ended

      got = @io.read_nonblock(65_536, exception: false)
      case got
      when :wait_readable, :wait_writable then await_tcp(deadline, what)
      when nil then ended(true)
      else return @buffer << got
      end
    rescue Errno::ECONNRESET
      @reset = true
      ended(false)
    rescue OpenSSL::SSL::SSLError => error
      @alert = error.message
      ended(false)
    end
  end

  def ended(orderly)
    @ended = true
    @close_notify = orderly
    nil
  end

  def await_tcp(deadline, what)
    remaining = [deadline - Eventually.now, 0].max
    @tcp.wait_readable(remaining) or raise TimeUp, "time is up #{what}; unread so far: #{@buffer.inspect[0, 2_000]}"
  end

  # While it writes, RawSocket reads only what is there.
  def receive
    got = @io.read_nonblock(65_536, exception: false)
    case got
    when :wait_readable, :wait_writable then @buffer
    when nil then ended(true)
    else @buffer << got
    end
  end

  def wait_for_room(deadline, left)
    @io.to_io.wait_writable([deadline - Eventually.now, 0].max) or raise TimeUp, "peer does not read: #{left} bytes left to send"
    receive
  end
end
