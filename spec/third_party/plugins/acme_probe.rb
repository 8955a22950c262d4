# frozen_string_literal: true

require_relative "probe"

# Changes how Puma opens its addresses: refused, with advice.
ThirdParty.probe "puma-acme", "anchordotdev/puma-acme", modes: ["one process"] do
  def config = "require 'puma/acme'\nplugin :acme\nacme_server_name 'example.org'\nbind 'acme://127.0.0.1:0'"

  # What it needs of a client to be loaded.
  def files
    { "client/acme-client.gemspec" => "Gem::Specification.new('acme-client', '2.0.13') { |gem| gem.summary = gem.author = 'x' }",
      "client/lib/acme-client.rb" => "module Acme; class Client; module Resources; module Challenges; HTTP01 = Module.new; end; end; end; end\n" \
                                     "Acme::Client::Resources::Challenges::HTTP01::CHALLENGE_TYPE = 'http-01'" }
  end

  def gemfile = "#{super}\ngem 'acme-client', path: 'client'"

  def live(mode)
    @mode = mode
    server = boot(wait: false)
    expect(server.wait_exit.exitstatus).to eq(1)
    expect(server.stderr).to match(%r{\AERROR: .*config/puma.rb:4: .*Puma::Binder.*puma-acme})
  end
end
