# frozen_string_literal: true

require "iodine_rs"
require "stringio"

RSpec.describe IodineRs::ThreadPool do
  # What a pool asks of the native core, steered by queues.
  let(:native) do
    Class.new do
      attr_reader :vacancies, :jobs

      def initialize
        @vacancies = Thread::Queue.new
        @jobs = Thread::Queue.new
      end

      def await_vacancy = !@vacancies.pop.nil?

      def work
        while (job = @jobs.pop)
          job.call
        end
      end

      def halt = [@jobs, @vacancies].each(&:close)
    end.new
  end
  let(:err) { StringIO.new }
  let(:min) { 0 }
  let!(:pool) { described_class.new(native, IodineRs::Log.new(out: nil, err:), min:).tap(&:start) }

  after do
    native.halt
    pool.stop
  end

  # Runs a job on one of the threads and returns what it evaluates to.
  def on_a_thread(&job)
    answer = Thread::Queue.new
    native.jobs << -> { answer << job.call }
    answer.pop
  end

  it "starts a thread for each vacancy" do
    3.times { native.vacancies << true }
    eventually { pool.size == 3 }
  end

  it "names the threads" do
    native.vacancies << true
    expect(on_a_thread { Thread.current.name }).to eq("iodine-rs worker 001")
  end

  it "forgets a thread the core has sent home, and uses its number again" do
    native.vacancies << true
    native.jobs << nil
    eventually { pool.size.zero? && native.jobs.empty? }
    native.vacancies << true
    expect(on_a_thread { Thread.current.name }).to eq("iodine-rs worker 001")
  end

  it "forgets a thread that was killed, without a word" do
    native.vacancies << true
    native.jobs << -> { Thread.current.kill }
    eventually { native.jobs.empty? && pool.size.zero? }
    expect(err.string).to be_empty
  end

  it "logs an exception that ends a thread, once, and lives on" do
    native.vacancies << true
    native.jobs << -> { raise NoMemoryError, "full" }
    eventually { err.string.include?("\n") && pool.size.zero? }
    expect(err.string).to match(/\A\S+ \S+ \S+ iodine-rs worker 001 ended: NoMemoryError: full \(#{__FILE__}:\d+.*\)\n\z/)
    native.vacancies << true
    expect(on_a_thread { :alive }).to eq(:alive)
  end

  it "tries again when the system has no thread to give" do
    allow(Thread).to receive(:new).and_wrap_original do |original, *args, &block|
      @refused ? original.call(*args, &block) : (@refused = true) && raise(ThreadError, "can't create Thread")
    end
    native.vacancies << true
    expect(on_a_thread { :alive }).to eq(:alive)
    expect(err.string).to include("no thread to be had (can't create Thread), trying again")
  end

  it "ends with the core" do
    2.times { native.vacancies << true }
    eventually { pool.size == 2 }
    native.halt
    pool.stop
    expect(pool.size).to eq(0)
  end

  it "kills a thread that does not come home" do
    native.vacancies << true
    native.jobs << -> { sleep }
    eventually { native.jobs.num_waiting.zero? && native.jobs.empty? && pool.size == 1 }
    native.halt
    pool.stop
    expect(pool.size).to eq(0)
  end

  context "with a minimum" do
    let(:min) { 2 }

    it "starts that many at once" do
      expect(pool.size).to eq(2)
    end
  end

  it "F22: stops also where a thread was raised into again while it told of its end" do
    err.define_singleton_method(:write) { |*| raise "again" }
    supervisor = eventually { Thread.list.find { |thread| thread.name == "iodine-rs supervisor" } }
    supervisor.raise("from an app")
    eventually { !supervisor.alive? }
    expect { pool.stop }.not_to raise_error
  end
end
