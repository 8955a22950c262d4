# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::DSL do
  def written(**, &block) = {}.tap { |options| described_class.new(options, **).instance_eval(&block) }

  it "has a word for every option that is one text" do
    words = IodineRs::Options::TABLE.select(&:text?).map(&:name)
    expect(described_class.public_instance_methods(false)).to include(*words)
  end

  it "converts values" do
    expect(written { max_head_size "1024" }).to eq(max_head_size: 1024)
  end

  it "lets `true` be left out" do
    expect(written { early_hints }).to eq(early_hints: true)
  end

  it "adds up addresses" do
    expect(written { port 3000, "127.0.0.1"; bind "unix:///run/a.sock" })
      .to eq(binds: %w[tcp://127.0.0.1:3000 unix:///run/a.sock])
  end

  it "takes the default host for a port" do
    expect(written(default_host: "localhost") { port 3000 }).to eq(binds: ["tcp://localhost:3000"])
  end

  it "takes one number of threads, or two" do
    expect(written { threads "3" }).to eq(min_threads: 3, max_threads: 3)
    expect(written { threads 1, "3" }).to eq(min_threads: 1, max_threads: 3)
  end

  it "knows quiet as the opposite of log_requests" do
    expect([written { quiet }, written { quiet false }]).to eq([{ log_requests: false }, { log_requests: true }])
  end

  it "takes an app as a block or an object" do
    app = ->(env) {}
    expect([written { app(app) }, written { app(&app) }]).to all(eq(app:))
  end

  it "makes the directory absolute" do
    expect(written { directory "tmp" }).to eq(directory: File.expand_path("tmp"))
  end

  it "refuses an unknown word" do
    expect { written { max_thread 5 } }
      .to raise_error(IodineRs::ConfigError, "unknown option max_thread; did you mean max_threads?")
    expect { written { prot 3000 } }.to raise_error(IodineRs::ConfigError, /did you mean port\?/)
  end
end
