# frozen_string_literal: true

require_relative "probe"

# Forks a supervisor of jobs, which forks a worker and a dispatcher. It needs the app in the master.
SOLID_QUEUE = { "fugit" => "floraison/fugit", "et-orbi" => "floraison/et-orbi", "raabro" => "floraison/raabro", "rails" => nil, "sqlite3" => nil }.freeze

ThirdParty.probe "solid_queue", "rails/solid_queue", needs: SOLID_QUEUE, modes: ["one process", "a preloading cluster"] do
  def config = "plugin :solid_queue"

  def environment = { "DATABASE_URL" => "sqlite3:queue.sqlite3?timeout=5000" }

  def app = <<~RUBY
    require "rails"
    require "active_record/railtie"
    require "active_job/railtie"
    require "solid_queue"

    class App < Rails::Application
      config.load_defaults 7.2
      config.root = __dir__
      config.eager_load = false
      config.secret_key_base = "x" * 64
      config.active_job.queue_adapter = :solid_queue
      config.logger = ActiveSupport::Logger.new(nil)
    end

    class Job < ActiveJob::Base
      def perform(number) = puts("job \#{number} done")
    end

    App.initialize!
    unless File.exist?("queue.sqlite3")
      ActiveRecord::Migration.verbose = false
      load "#{places["solid_queue"]}/lib/generators/solid_queue/install/templates/db/queue_schema.rb"
    end
    run ->(env) { Job.perform_later(env["QUERY_STRING"].to_i); [200, {}, ["queued"]] }
  RUBY

  def files = { "config/queue.yml" => <<~YAML }
    production:
      dispatchers:
        - polling_interval: 0.2
      workers:
        - queues: "*"
          threads: 1
          polling_interval: 0.1
  YAML

  def look(server)
    @jobs = @jobs.to_i + 1
    expect(Http.get(server, "/?#{@jobs}").body).to eq("queued")
    server.wait_for_stdout(/job #{@jobs} done/)
    eventually { group(server.pid).grep(/\Asolid-queue-\S*supervisor/).size == 1 }
  end
end
