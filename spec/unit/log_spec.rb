# frozen_string_literal: true

require "iodine_rs"
require "stringio"

RSpec.describe IodineRs::Log do
  let(:out) { StringIO.new }
  let(:err) { StringIO.new }
  let(:log) { described_class.new(out:, err:) }

  it "prints messages to the one and problems, with the time, to the other" do
    log.info("* Listening")
    log.error("Rack app")

    expect(out.string).to eq("* Listening\n")
    expect(err.string).to match(/\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} Rack app\n\z/)
  end

  it "prints warnings with the messages, or, where it is silent, with the problems" do
    [log, described_class.new(out: nil, err:)].each { |log| log.warning("WARNING hook") }

    expect(out.string).to eq("WARNING hook\n")
    expect(err.string).to match(/\A\d{4}-.* WARNING hook\n\z/)
  end

  it "is silent without an output" do
    expect { described_class.new(out: nil, err:).info("* Listening") }.not_to output.to_stdout
  end

  it "survives a reader that has gone" do
    reader, writer = IO.pipe
    reader.close
    log = described_class.new(out: writer, err: writer)

    expect { log.info("x") }.not_to raise_error
    writer.close
    expect { log.error("x") }.not_to raise_error
  end

  it "does not wait for ever for a reader that does not read" do
    _reader, writer = IO.pipe
    begin
      loop { writer.write_nonblock("x" * 4096) }
    rescue IO::WaitWritable
      expect { Timeout.timeout(5) { described_class.new(out: writer).info("x") } }.not_to raise_error
    end
  end
end
