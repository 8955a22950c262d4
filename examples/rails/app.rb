# frozen_string_literal: true

require "securerandom"
require "tmpdir"

ENV["RAILS_ENV"] ||= ENV.fetch("RACK_ENV", "development")
# A database that lives as long as the process that made it (and not only as long as a fork of it).
directory = Dir.mktmpdir("guestbook")
owner = Process.pid
at_exit { FileUtils.rm_rf(directory) if Process.pid == owner }
ENV["DATABASE_URL"] = "sqlite3:#{directory}/guestbook.sqlite3"

require "action_controller/railtie"
require "active_record/railtie"

# An app of one file: configuration, schema, model, controllers, views.
module Guestbook
  PAUSE = Float(ENV.fetch("PAUSE", "1"))

  # What config/application.rb and config/routes.rb hold elsewhere.
  class Application < Rails::Application
    config.load_defaults 7.2
    config.root = __dir__
    config.eager_load = false
    config.consider_all_requests_local = Rails.env.development?
    config.secret_key_base = ENV.fetch("SECRET_KEY_BASE") { SecureRandom.hex(64) }
    config.logger = ActiveSupport::Logger.new($stdout)
    config.log_level = :warn
    # Gets the status as its path; asked only where errors are not shown in full.
    config.exceptions_app = lambda do |env|
      [env["PATH_INFO"].delete("/").to_i, { "content-type" => "text/plain" }, ["Sorry about that.\n"]]
    end
    config.session_store :cookie_store, key: "guestbook"

    routes.append do
      root "guestbook/notes#index"
      resources :notes, only: :create, module: "guestbook"
      post "uploads" => "guestbook/files#create"
      get "download" => "guestbook/files#show"
      get "clock" => "guestbook/clocks#show"
      get "stream" => "guestbook/streams#show"
      get "hijack/partial" => "guestbook/hijacks#partial"
      get "hijack/full" => "guestbook/hijacks#full"
      get "whoami" => "guestbook/visitors#show"
      get "pool" => "guestbook/visitors#pool"
      get "boom" => "guestbook/visitors#boom"
    end
  end

  # One entry of the book.
  class Note < ActiveRecord::Base
    validates :text, presence: true
  end

  # Set by one request, and to be gone by the next.
  class Current < ActiveSupport::CurrentAttributes
    attribute :visitor
  end

  # The book: a list and a form.
  class NotesController < ActionController::Base
    PAGE = <<~ERB
      <!DOCTYPE html>
      <html lang="en">
      <head><meta charset="utf-8"><link rel="icon" href="data:,"><title>Guestbook</title></head>
      <body>
        <h1>Guestbook</h1>
        <p id="flash"><%= flash[:notice] || flash[:alert] %></p>
        <p id="visits">Your visit number <%= session[:visits] %></p>
        <%= form_with url: "/notes" do |form| %>
          <%= form.text_field :text %> <%= form.submit "Sign" %>
        <% end %>
        <%= form_with url: "/uploads", multipart: true do |form| %>
          <%= form.file_field :file %> <%= form.submit "Upload" %>
        <% end %>
        <ul><% @notes.each do |note| %><li><%= note.text %></li><% end %></ul>
      </body>
      </html>
    ERB

    def index
      session[:visits] = session[:visits].to_i + 1
      @notes = Note.order(:id).last(20)
      render inline: PAGE
    end

    def create
      note = Note.new(params.permit(:text))
      flash_message = note.save ? { notice: "Thank you!" } : { alert: "Say something." }
      redirect_to "/", flash: flash_message, status: :see_other
    end
  end

  # Files in both directions.
  class FilesController < ActionController::Base
    def create
      file = params.require(:file)
      render json: { name: file.original_filename, type: file.content_type, bytes: file.size,
                     sha256: Digest::SHA256.file(file.path).hexdigest }
    end

    def show
      send_file __FILE__, filename: "guestbook.rb", type: "text/plain"
    end
  end

  # Server-sent events the Rails way: the action runs in a thread of its own.
  class ClocksController < ActionController::Base
    include ActionController::Live

    def show
      response.headers["content-type"] = "text/event-stream"
      events = SSE.new(response.stream, event: "tick")
      3.times do |number|
        events.write({ number: number, notes: Note.count })
        sleep PAUSE
      end
    rescue ActionController::Live::ClientDisconnected
      # The page was closed.
    ensure
      response.stream.close
    end
  end

  # Writes to whatever stream it is given: a Rack stream or a plain socket.
  COUNTDOWN = lambda do |stream|
    3.downto(1) do |left|
      stream.write("#{left}\n")
      sleep PAUSE
    end
    stream.write("lift-off\n")
  ensure
    stream.close
  end

  # A Rack response as it is, with a callable body. Only Metal takes one: Base wants a Response to measure.
  class StreamsController < ActionController::Metal
    def show
      self.response = [200, { "content-type" => "text/plain" }, COUNTDOWN]
    end
  end

  # Both kinds of hijack, for libraries that need them.
  class HijacksController < ActionController::Base
    def partial
      response.headers["content-type"] = "text/plain"
      response.headers["rack.hijack"] = COUNTDOWN
      head :ok
    end

    def full
      socket = request.get_header("rack.hijack").call
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n")
      Thread.new { COUNTDOWN.call(socket) }
      head :ok
    end
  end

  # What must hold between requests, and what an error looks like.
  class VisitorsController < ActionController::Base
    def show
      before = Current.visitor
      Current.visitor = params[:name]
      sleep PAUSE
      render json: { before: before, now: Current.visitor, executor: Rails.application.executor.active? }
    end

    def pool
      render json: ActiveRecord::Base.connection_pool.stat
    end

    def boom
      raise "the ink is out"
    end
  end

  Application.initialize!
  ActiveRecord::Schema.verbose = false
  # Inside the executor, which gives the connection back to the pool.
  Application.executor.wrap do
    ActiveRecord::Schema.define { create_table(:notes) { |table| table.text :text, null: false } }
  end
end
