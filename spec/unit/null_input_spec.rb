# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::NullInput do
  subject(:input) { described_class::INSTANCE }

  it { is_expected.to be_frozen }

  describe "#read" do
    it("reads everything there is: nothing") { expect(input.read).to eq("") }
    it("is at its end when asked for bytes") { expect(input.read(1)).to be_nil }
    it("reads no bytes") { expect(input.read(0)).to eq("") }
    it("refuses a negative length") { expect { input.read(-1) }.to raise_error(ArgumentError, /negative length -1/) }
    it("refuses a buffer that is no String") { expect { input.read(nil, Object.new) }.to raise_error(TypeError, /conversion of Object/) }
    it("gives a new String each time") { expect(input.read).not_to be(input.read) }

    it "empties the buffer it gets, and returns it where there is something to return" do
      buffer = +"old"
      expect(input.read(nil, buffer)).to be(buffer)
      expect(buffer).to eq("")
      expect(input.read(5, buffer = +"old")).to be_nil
      expect(buffer).to eq("")
    end
  end

  it "reads bytes" do
    expect([input.read.encoding, input.external_encoding]).to all(eq(Encoding::BINARY))
    expect(input).to be_binmode
  end

  it "behaves as an IO at its end" do
    expect([input.gets, input.getc, input.getbyte, input.readlines, input.eof?]).to eq([nil, nil, nil, [], true])
    expect { input.readline }.to raise_error(EOFError)
    expect { input.readpartial(5) }.to raise_error(EOFError)
    expect { input.read_nonblock(5) }.to raise_error(EOFError)
    expect(input.read_nonblock(5, exception: false)).to be_nil
  end

  it "yields nothing, and enumerates nothing" do
    expect { |block| input.each(&block) }.not_to yield_control
    expect(input.each.to_a).to eq([])
  end

  it "has no size and no position" do
    expect([input.size, input.length, input.pos, input.tell, input.rewind, input.seek(0)]).to all(eq(0))
  end

  it "can be closed, without an effect on others" do
    expect([input.close, input.closed?]).to eq([nil, false])
  end

  it "may be wrapped by Rack::Lint" do
    require "rack"
    expect { Rack::Lint::Wrapper::InputWrapper.new(input).read }.not_to raise_error
  end
end
