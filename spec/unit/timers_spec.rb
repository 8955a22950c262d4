# frozen_string_literal: true

require "spec_helper"
require "iodine_rs"

RSpec.describe IodineRs::Timers do
  let(:entered) { Queue.new }
  let(:gate) { Queue.new }

  def entered!(count) = Array.new(count) { entered.pop(timeout: 5) }

  def threads = Thread.list.count { |thread| thread.name == "iodine-rs timers" }

  # A block that says when it begins, and ends when the gate is opened for it.
  def occupy(count)
    count.times do |index|
      described_class.run do
        entered << index
        gate.pop
      end
    end
  end

  it "M-07, M-08: a block that takes long holds up no other, also one that comes later" do
    later = described_class.after(50) { entered << :later }
    occupy(3)
    expect(entered!(4)).to contain_exactly(0, 1, 2, :later)
    expect(later).to be_a(described_class::Timer)
    described_class.every(1, 2) { entered << :tick }
    expect(entered!(2)).to eq(%i[tick tick])
  ensure
    3.times { gate << nil }
  end

  it "runs as many blocks at once as it has threads; the next one waits for the first of them" do
    occupy(described_class::THREADS + 1)
    expect(entered!(described_class::THREADS)).to match_array(0...described_class::THREADS)
    expect(threads).to eq(described_class::THREADS)
    expect(entered).to be_empty
    gate << nil
    expect(entered!(1)).to eq([described_class::THREADS])
  ensure
    described_class::THREADS.times { gate << nil }
  end

  it "goes on where a block has killed its thread" do
    described_class::THREADS.times do
      described_class.run do
        entered << :killed
        Thread.exit
      end
    end
    entered!(described_class::THREADS)
    described_class.run { entered << :after }
    expect(entered!(1)).to eq([:after])
  end

  it "M-09: a block of `every` never overlaps itself" do
    inside = 0
    timer = described_class.every(1, 0) do
      entered << (inside += 1)
      Thread.pass
      inside -= 1
    end
    expect(entered!(50).uniq).to eq([1])
  ensure
    timer.cancel
  end

  it "keeps up with very many blocks that wait" do
    later = Array.new(50_000) { |n| described_class.after(60_000 + n) { raise "too early" } }
    10_000.times { described_class.run { entered << :ran } }
    eventually { entered.size == 10_000 }
  ensure
    later.each(&:cancel)
  end

  it "refuses fewer than no repetitions" do
    expect { described_class.every(1, -1) {} }.to raise_error(ArgumentError, /0 repetitions \(for ever\) or more/)
  end
end
