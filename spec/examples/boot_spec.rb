# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "The examples" do
  include ExampleApp

  ExampleApp.names.each do |name|
    it "#{name} boots and answers / without a word on stderr" do
      server = serve_example(name)

      expect(Http.get(server, "/").status).to eq(200)
      expect(server.stderr).to eq("")
    end

    it "#{name} says in its first lines what it shows and how to try it" do
      comment = File.foreach(ExampleApp.config(name)).take_while { |line| line.match?(/\A(#.*)?$/) }.join

      expect(comment).to match(/iodine-rs/).and match(/curl/)
    end
  end
end
