# frozen_string_literal: true

require "spec_helper"
require_relative "../support/chrome"
require_relative "../support/rails_app"

# A generated app with Action Cable, Active Record and reloading, in development.
RSpec.describe "A generated Rails app" do
  files = {
    "config/routes.rb" => <<~'RUBY',
      Rails.application.routes.draw do
        get "room" => "room#show"
        post "room/say" => "room#say"
        get "version" => "room#version"
        get "sleepy" => "room#sleepy"
        get "pool" => "room#pool"
        get "live" => "live#show"
        get "cable.js" => "room#script"
      end
    RUBY
    "app/controllers/room_controller.rb" => <<~'RUBY',
      class RoomController < ActionController::Base
        skip_forgery_protection

        def show = render(layout: false)
        def version = render(plain: Version.text)
        def script = send_file("#{Gem.loaded_specs["actioncable"].full_gem_path}/app/assets/javascripts/actioncable.js", type: "text/javascript", disposition: "inline")

        # What turbo_stream_from and broadcast_append_to do.
        def say
          html = ERB::Util.html_escape(params[:text])
          ActionCable.server.broadcast("room", "<turbo-stream action=\"append\" target=\"lines\"><template><p>#{html}</p></template></turbo-stream>")
          head :no_content
        end

        # Holds a connection of the pool for a moment.
        def sleepy
          Note.connection.execute("select 1")
          sleep 0.02
          render plain: "ok"
        end

        def pool = render(json: ActiveRecord::Base.connection_pool.stat)
      end
    RUBY
    "app/controllers/live_controller.rb" => <<~'RUBY',
      class LiveController < ActionController::Base
        include ActionController::Live

        def show
          3.times { |number| response.stream.write("#{number} #{Note.count}\n") }
        ensure
          response.stream.close
        end
      end
    RUBY
    "app/views/room/show.html.erb" => <<~'ERB',
      <!DOCTYPE html>
      <html><head><link rel="icon" href="data:,"><script src="/cable.js"></script></head>
      <body><div id="lines"></div><p id="state">connecting</p>
      <script>
        const consumer = ActionCable.createConsumer()
        const state = document.getElementById("state")
        const show = (message) => {
          const element = new DOMParser().parseFromString(message, "text/html").querySelector("turbo-stream")
          document.getElementById(element.getAttribute("target")).append(element.querySelector("template").content.cloneNode(true))
        }
        const subscription = consumer.subscriptions.create("RoomChannel", {
          connected: () => state.textContent = "connected", disconnected: () => state.textContent = "disconnected", received: show
        })
      </script></body></html>
    ERB
    "app/channels/application_cable/connection.rb" => "module ApplicationCable\n  class Connection < ActionCable::Connection::Base\n  end\nend\n",
    "app/channels/application_cable/channel.rb" => "module ApplicationCable\n  class Channel < ActionCable::Channel::Base\n  end\nend\n",
    "app/channels/room_channel.rb" => <<~'RUBY',
      class RoomChannel < ApplicationCable::Channel
        def subscribed = stream_from("room")
        def speak(data) = transmit("<turbo-stream action=\"append\" target=\"lines\"><template><p>echo #{data["text"]}</p></template></turbo-stream>")
      end
    RUBY
    "app/models/note.rb" => "class Note < ApplicationRecord\nend\n",
    "app/models/version.rb" => "class Version\n  def self.text = 'version 0'\nend\n",
    "db/migrate/20260101000000_create_notes.rb" => "class CreateNotes < ActiveRecord::Migration[7.0]\n  def change = create_table(:notes) { |t| t.string :text }\nend\n",
    # Two connections for five threads.
    "config/database.yml" => "development:\n  adapter: sqlite3\n  database: storage/development.sqlite3\n  pool: 2\n  checkout_timeout: 5\n"
  }

  before(:all) do
    @app = RailsApp.new(files:)
    @app.rails("db:migrate")
  end

  after(:all) { @app.remove }

  def development(threads: 5, &) = @app.server("-p", "0", env: { "RAILS_MAX_THREADS" => threads.to_s }, &)

  # Runs the block in so many threads at once; returns what each has returned.
  def at_once(count, &block) = Array.new(count) { |number| Thread.new { block.call(number) } }.map(&:value)

  it "H-01, H-02: brings broadcasts of Action Cable into browsers", limit: 120 do
    skip "needs chromedriver" unless Chrome.available?

    development do |server|
      Chrome.open do |chrome|
        tabs = [chrome.tab, chrome.new_tab]
        tabs.each do |tab|
          chrome.switch_to(tab)
          chrome.visit("http://localhost:#{server.port}/room")
          eventually(limit: 20) { chrome.text("#state") == "connected" }
        end
        expect(Http.post(server.port, "/room/say", "text=%3Chello%3E", { "content-type" => "application/x-www-form-urlencoded" }).status).to eq(204)
        tabs.each do |tab|
          chrome.switch_to(tab)
          eventually { chrome.text("#lines") == "<hello>" }
        end
        chrome.run("subscription.perform('speak', { text: 'to one' })")
        eventually { chrome.text("#lines").include?("echo to one") }
        # Sockets take no thread: there are more than five of them, and requests are served.
        chrome.run("window.more = Array.from({ length: 8 }, () => ActionCable.createConsumer().connect())")
        expect(at_once(5) { Http.get(server.port, "/sleepy").body }).to eq(["ok"] * 5)
      end
    end
  end

  it "RR-12: reloads while sockets are open, and they come again", limit: 120 do
    skip "needs chromedriver" unless Chrome.available?

    development do |server|
      Chrome.open do |chrome|
        chrome.visit("http://localhost:#{server.port}/room")
        eventually(limit: 20) { chrome.text("#state") == "connected" }
        @app.write("app/channels/room_channel.rb" => files["app/channels/room_channel.rb"].sub("echo", "anew"))
        Http.get(server.port, "/version")
        eventually(limit: 20) do
          chrome.run("subscription.perform('speak', { text: 'again' })")
          chrome.text("#lines").include?("anew again")
        end
      end
    ensure
      @app.write("app/channels/room_channel.rb" => files["app/channels/room_channel.rb"])
    end
  end

  # Without ActionController::Live: its threads and Rails' reloading wait for each other, with Puma as well.
  it "RR-12: reloads under load without a deadlock", limit: 120 do
    development do |server|
      Http.get(server.port, "/version", limit: 20)
      stop = false
      load = Array.new(8) do |number|
        Thread.new do
          statuses = []
          statuses << Http.get(server.port, number.even? ? "/version" : "/sleepy", limit: 20).status until stop
          statuses
        end
      end
      (1..20).each do |version|
        @app.write("app/models/version.rb" => "class Version\n  def self.text = 'version #{version}'\nend\n")
        eventually(limit: 20) { Http.get(server.port, "/version", limit: 20).body == "version #{version}" }
      end
      stop = true
      statuses = load.flat_map(&:value)
      expect(statuses.tally).to eq(200 => statuses.size)
      expect(statuses.size).to be > 50
    ensure
      stop = true
    end
  end

  it "R-13, R-14: gives Active Record's connections back, with more threads than there are", limit: 120 do
    development do |server|
      Http.get(server.port, "/sleepy", limit: 20)
      expect(at_once(20) { |number| Http.get(server.port, number % 4 == 3 ? "/live" : "/sleepy", limit: 20).status }.tally).to eq(200 => 20)
      # The request that asks has looked for none itself.
      eventually { JSON.parse(Http.get(server.port, "/pool").body).values_at("busy", "dead", "waiting") == [0, 0, 0] }
    end
  end
end
