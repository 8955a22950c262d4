# frozen_string_literal: true

require "spec_helper"
require_relative "../support/bundle"
require_relative "../support/chrome"
require_relative "../support/rails_app"

RSpec.describe "Capybara" do
  # Boots Capybara's server of that name and prints what it answers.
  program = lambda do |server, before = ""|
    <<~RUBY
      require "capybara"
      require "net/http"
      #{before}
      Capybara.server = #{server}
      app = ->(env) { env["PATH_INFO"] == "/boom" ? raise(ArgumentError, "boom") : [200, {}, [env["SERVER_SOFTWARE"]]] }
      traps = trap("INT", "DEFAULT").tap { |handler| trap("INT", handler) }
      servers = Array.new(2) { Capybara::Server.new(app, reportable_errors: [Exception]).boot }
      servers.each { |one| puts Net::HTTP.get(URI("http://127.0.0.1:\#{one.port}/")) }
      Net::HTTP.get(URI("http://127.0.0.1:\#{servers[0].port}/boom"))
      p servers[0].error, servers[1].error, servers.map(&:responsive?), traps == trap("INT", "DEFAULT")
    RUBY
  end
  served = /iodine-rs \d\S+\niodine-rs \d\S+\n#<ArgumentError: boom>\nnil\n\[true, true\]\ntrue\n\z/

  it "RR-07, 5.3: has the server :iodine_rs" do
    expect(Bundle.run(%w[capybara rackup], program[":iodine_rs", "require 'iodine_rs/capybara'"])).to match(served).and start_with("Capybara starting iodine-rs")
  end

  it "RR-07, 5.3: has the server :puma where there is no Puma" do
    expect(Bundle.run(%w[capybara rackup], program[":puma, { Silent: true, Threads: '1:1' }", "require 'iodine_rs/capybara'"])).to match(/\A#{served}/)
  end

  it "RR-04, 5.3: finds this server by its own way to Puma, too" do
    expect(Bundle.run(%w[capybara rackup], program[":puma"])).to match(served).and start_with("Capybara starting Puma...\n* Version 8.")
  end

  it "RR-13: keeps a real Puma" do
    expect(Bundle.run(%w[capybara rackup puma], program[":puma, { Silent: true }", "require 'iodine_rs/capybara'"])).to match(/\Apuma \d/)
  end

  it "5.3: runs the system tests of an unchanged Rails app in a browser", limit: 180 do
    skip "needs chromedriver" unless Chrome.available?

    app = RailsApp.new(gems: %w[capybara selenium-webdriver], files: {
      "test/system/notes_test.rb" => <<~'RUBY',
        require "application_system_test_case"

        class NotesTest < ApplicationSystemTestCase
          # Not committed: the server has to share the test's connection.
          test "sees what the test has written, and writes itself" do
            Note.create!(text: "from the test")
            visit notes_url
            assert_text "from the test"
            fill_in "text", with: "from the browser"
            click_on "Write"
            assert_text "from the browser"
            assert_equal 2, Note.count
            assert_match(/iodine-rs/, find("#server").text)
          end
        end
      RUBY
      # Debian's selenium-webdriver is older than what Rails asks for a driver.
      "config/initializers/selenium.rb" => <<~'RUBY',
        Rails.application.config.after_initialize do
          next unless defined?(Selenium::WebDriver) && !defined?(Selenium::WebDriver::DriverFinder)

          Selenium::WebDriver::DriverFinder = Class.new { def self.path(*) = `which chromedriver`.strip }
        end
      RUBY
      # As it is generated, but for a root user's browser.
      "test/application_system_test_case.rb" => <<~'RUBY',
        require "test_helper"

        class ApplicationSystemTestCase < ActionDispatch::SystemTestCase
          driven_by :selenium, using: :headless_chrome, screen_size: [ 1400, 1400 ] do |options|
            %w[--no-sandbox --disable-dev-shm-usage].each { |argument| options.add_argument(argument) }
          end
        end
      RUBY
      "config/routes.rb" => "Rails.application.routes.draw { resources :notes, only: %i[index create] }\n",
      "app/models/note.rb" => "class Note < ApplicationRecord\nend\n",
      "db/migrate/20260101000000_create_notes.rb" => "class CreateNotes < ActiveRecord::Migration[7.0]\n  def change = create_table(:notes) { |t| t.string :text }\nend\n",
      "app/controllers/notes_controller.rb" => <<~'RUBY',
        class NotesController < ApplicationController
          def index = @notes = Note.all

          def create
            Note.create!(params.permit(:text))
            redirect_to notes_path
          end
        end
      RUBY
      "app/views/notes/index.html.erb" => <<~'ERB'
        <ul><% @notes.each do |note| %><li><%= note.text %></li><% end %></ul>
        <%= form_with(url: notes_path) { |form| form.text_field(:text).concat(form.submit("Write")) } %>
        <p id="server"><%= request.env["SERVER_SOFTWARE"] %></p>
      ERB
    })
    test_env = { "RAILS_ENV" => "test" }
    app.rails("db:migrate", env: test_env)
    expect(app.rails("test:system", env: test_env)).to match(/Capybara starting iodine-rs.*1 runs, 5 assertions, 0 failures, 0 errors, 0 skips/m)
  ensure
    app&.remove
  end
end
