# frozen_string_literal: true

require_relative "probe"

# Reads how long a request has waited from X-Request-Start and the time that its body took.
ThirdParty.probe "judoscale-rack", "judoscale/judoscale-ruby", needs: { "judoscale-ruby" => "judoscale/judoscale-ruby" } do
  def config = ""

  def app = <<~RUBY
    require "judoscale-rack"
    use Judoscale::RequestMiddleware
    run ->(env) { [200, {}, [env.values_at("judoscale.queue_time", "judoscale.network_time").inspect]] }
  RUBY

  def look(server)
    socket = server.connect
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nx-request-start: t=#{Time.now.to_f - 3}\r\n\r\n12")
    sleep 1 # What is measured.
    queue, network = socket.request("34").body.scan(/\d+/).map(&:to_i)
    expect(queue).to be_between(2_900, 3_900)
    expect(network).to be_between(900, 2_000)
  end
end
