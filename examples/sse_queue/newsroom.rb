# frozen_string_literal: true

# One queue per reader, one thread that tells all of them the time.
class Newsroom
  # A reader this far behind is not reading; its stream ends and EventSource connects again.
  LONGEST_QUEUE = 100

  def initialize(every:)
    @every = every
    @readers = {}
    @lock = Mutex.new
    @number = 0
  end

  # Writes events to +stream+ until the reader leaves.
  def serve(stream)
    queue = subscribe
    while (event = queue.pop)
      stream.write(event)
    end
  rescue IOError, SystemCallError
    # The reader left: the page was closed.
  ensure
    @lock.synchronize { @readers.delete(queue) }
    stream.close
  end

  # Puts an event into every reader's queue and never waits for any of them.
  def publish(name, text)
    @lock.synchronize do
      event = format_event(name, text)
      @readers.each_key { |queue| offer(queue, event) }
    end
  end

  private

  # The clock starts with the first reader and not at boot, so that it also runs after a fork.
  def subscribe
    queue = Thread::SizedQueue.new(LONGEST_QUEUE)
    @lock.synchronize do
      @readers[queue] = true
      @clock ||= Thread.new { tell_time }
    end
    queue
  end

  def tell_time
    loop do
      publish("time", Time.now.strftime("%H:%M:%S"))
      sleep @every
    end
  end

  def offer(queue, event)
    queue.push(event, true)
  rescue ThreadError, ClosedQueueError
    queue.close
  end

  # A line break would end the field, so each line of the text becomes a `data` field of its own.
  def format_event(name, text)
    lines = text.split(/\r\n|\r|\n/).map { |line| "data: #{line}\n" }
    "id: #{@number += 1}\nevent: #{name}\n#{lines.join}\n"
  end
end
