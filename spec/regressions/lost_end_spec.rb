# frozen_string_literal: true

require "spec_helper"

# What the client sent behind its request stayed unread in the kernel; closing then reset the connection, and the reset
# overtook the response.
RSpec.describe "A large last response" do
  it "arrives whole, although the client sent more than its request" do
    server = serve('run ->(_env) { [200, {}, ["x" * 4_194_304]] }')
    head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n"
    response = server.connect.request("#{head}#{"b" * 20_000}\r\n")
    expect(response.body.bytesize).to eq(4_194_304)
  end
end
