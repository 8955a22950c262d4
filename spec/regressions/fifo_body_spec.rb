# frozen_string_literal: true

require "spec_helper"

# Opening a FIFO waits for its writer: with the GVL held, every thread of the process waited too.
RSpec.describe "A body whose to_path is no regular file" do
  it "is sent through each, and holds nobody up" do
    server = serve(<<~'RUBY', args: %w[-t 1:1])
      File.mkfifo("fifo")
      run lambda { |_env|
        body = ["through each"].each
        body.define_singleton_method(:to_path) { "fifo" }
        [200, {}, body]
      }
    RUBY
    expect(Http.get(server, "/").body).to eq("through each")
  end
end
