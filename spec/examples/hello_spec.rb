# frozen_string_literal: true

require "spec_helper"
require_relative "support/example_app"

RSpec.describe "examples/hello" do
  include ExampleApp

  it "says hello, in three lines" do
    response = Http.get(serve_example("hello"), "/")

    expect([response.status, response["content-type"], response["content-length"], response.body])
      .to eq([200, "text/plain", "12", "Hello World\n"])
    expect(File.readlines(ExampleApp.config("hello")).size).to eq(3)
  end
end
