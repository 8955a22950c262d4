# frozen_string_literal: true

# Loaded by apps: writes down what the server does with one request, in order, and on which thread and fiber.
class Trace
  ALL = {}

  # Registers two callbacks of each kind; `spoil` (:after_reply or :response_finished) makes the first of that kind raise.
  def initialize(env, spoil: nil)
    @env = env
    @events = ALL[env["QUERY_STRING"]] = []
    note "call"
    env["rack.after_reply"].push(*[1, 2].map { |n| after_reply(n, spoil) })
    env["rack.response_finished"].push(*[1, 2].map { |n| response_finished(n, spoil) })
  end

  def note(event) = @events << [event, Thread.current.object_id, Fiber.current.object_id]

  # Lets `body` note that it was closed.
  def closing(body)
    trace = self
    body.define_singleton_method(:close) do
      trace.note "close"
      yield if block_given?
    end
    body
  end

  # A body that has only `each`.
  def each(&block)
    trace = self
    closing(Object.new.tap { |body| body.define_singleton_method(:each) { |&part| trace.note("each").then { block.call(part) } } })
  end

  # A callable body; the block gets the stream.
  def callable = closing(->(stream) { note("stream").then { yield stream } })

  # What happened to the request with that query: [events, number of thread-and-fiber pairs].
  def self.report(query)
    events = ALL.fetch(query, [])
    Marshal.dump([events.map(&:first), events.map { |event| event.drop(1) }.uniq.size])
  end

  private

  def after_reply(number, spoil)
    lambda do |*args|
      note "after_reply #{number}#{args.inspect unless args.empty?}"
      raise "spoilt" if spoil == :after_reply && number == 1
    end
  end

  def response_finished(number, spoil)
    lambda do |env, status, headers, error|
      same = env.equal?(@env) ? "" : " of another env"
      note "finished #{number}#{same} #{status} #{headers.class} #{error&.class.inspect}"
      raise "spoilt" if spoil == :response_finished && number == 2
    end
  end
end
