# frozen_string_literal: true

require "spec_helper"

# The first request looked its classes up. A thread that lost the GVL meanwhile had the next one wait for it with the GVL:
# the whole process stood still.
RSpec.describe "The first requests" do
  it "do not wait for each other where one is interrupted" do
    server = serve(<<~'RUBY', args: %w[-t 2:2])
      Object.singleton_class.prepend(Module.new do
        def const_get(name, *)
          sleep(0.3) if name.to_s.start_with?("IodineRs::")
          super
        end
      end)
      run ->(_env) { [200, {}, ["answered"]] }
    RUBY
    clients = Array.new(2) { server.connect.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
    expect(clients.map { |client| client.read_response.body }).to all(eq("answered"))
  end
end
