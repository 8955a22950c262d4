# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::Signals do
  subject(:signals) { described_class.new(queue, %w[INT TERM QUIT]) }

  let(:queue) { Thread::Queue.new }

  after { signals.restore }

  # The handler of a signal, without changing it.
  def handler(name)
    Signal.trap(name, "IGNORE").tap { |found| Signal.trap(name, found) }
  end

  it "puts the names into the queue" do
    signals.install
    %w[INT TERM QUIT].each { |name| Process.kill(name, Process.pid) }
    expect(Array.new(3) { queue.pop }).to match_array(%w[INT TERM QUIT])
  end

  it "gives every handler back" do
    own = -> {}
    before = Signal.trap("TERM", own)
    signals.install
    signals.restore
    expect(handler("TERM")).to be(own)
  ensure
    Signal.trap("TERM", before)
  end

  it "leaves all other signals to the app" do
    others = Signal.list.keys - %w[EXIT KILL STOP VTALRM SEGV BUS ILL FPE INT TERM QUIT CHLD CLD]
    before = others.to_h { |name| [name, handler(name)] }
    signals.install
    expect(others.to_h { |name| [name, handler(name)] }).to eq(before)
  end

  it "touches nothing before it is told to" do
    expect { signals }.not_to(change { handler("INT") })
  end
end
