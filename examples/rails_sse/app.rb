# frozen_string_literal: true

require "logger"
require "rails"
require "action_controller/railtie"

# A Rails app whose tasks report their progress.
module Progress
  PAUSE = Float(ENV.fetch("PAUSE", "1"))
  STEP = 20
  EVENT = "taskProgress"

  class Application < Rails::Application
    config.load_defaults Rails::VERSION::STRING.to_f
    config.root = __dir__
    config.eager_load = true
    config.secret_key_base = "only for this example"
    config.logger = Logger.new($stderr)
    config.log_level = :warn
    config.hosts.clear
    # Nobody else needs the connections of a request that lasts.
    config.allow_concurrency = true
  end

  # A task that takes its time: yields its progress in percent.
  class Task
    def run
      (0..100).step(STEP) do |percent|
        yield percent
        sleep PAUSE unless percent == 100
      end
    end
  end

  # The same without a thread: each step is one call in the connection's order.
  module Native
    extend self

    def on_open(client) = step(client, 0)

    private

    def step(client, percent)
      client.write({ progress: percent }.to_json, event: EVENT, retry: 300) or return
      return client.close if percent == 100

      IodineRs.run_after((PAUSE * 1000).to_i) { client.defer { step(client, percent + STEP) } }
    end
  end

  class PageController < ActionController::Base
    def show = render(file: File.join(__dir__, "page.html"), layout: false)
  end

  # ActionController::Live takes a thread of its own for each reader.
  class LiveController < ActionController::Base
    include ActionController::Live

    def show
      response.headers["Content-Type"] = "text/event-stream"
      sse = SSE.new(response.stream, retry: 300, event: EVENT)
      Task.new.run { |percent| sse.write(progress: percent) }
    ensure
      sse&.close
    end
  end

  # The others give the server's thread back at once.
  class TasksController < ActionController::Base
    # The app writes the head itself, as it has the socket.
    def full
      request.env["rack.hijack"].call
      socket = request.env["rack.hijack_io"]
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
      report_to(socket)
      response.close
    end

    # The server writes the head, the app what follows.
    def partial
      response.headers["Content-Type"] = "text/event-stream"
      response.headers["rack.hijack"] = ->(stream) { report_to(stream) }
      head :ok
    end

    # The server does all of it.
    def native
      return head(:not_acceptable) unless request.env["rack.upgrade?"] == :sse

      request.env["rack.upgrade"] = Native
      head :ok
    end

    private

    def report_to(stream)
      Thread.new do
        sse = ActionController::Live::SSE.new(stream, retry: 300, event: EVENT)
        Task.new.run { |percent| sse.write(progress: percent) }
      rescue IOError, SystemCallError
        # The reader has left.
      ensure
        stream.close
      end
    end
  end

  Application.initialize!

  Application.routes.draw do
    root "progress/page#show"
    get "tasks/live" => "progress/live#show"
    %w[full partial native].each { |way| get "tasks/#{way}" => "progress/tasks##{way}" }
  end
end
