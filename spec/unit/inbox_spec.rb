# frozen_string_literal: true

require "iodine_rs"

RSpec.describe IodineRs::Inbox do
  it "takes no harm from a signal that comes when it has been closed" do
    inbox = described_class.new
    inbox.close
    expect { inbox << "TERM" }.not_to raise_error
  end

  it "gives a forked child what has come to it" do
    inbox = described_class.new
    inbox << "HUP" << "TERM"
    expect(inbox.leave).to eq(%w[HUP TERM])
  end
end
