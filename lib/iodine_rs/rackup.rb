# frozen_string_literal: true

module IodineRs
  # From a rackup file to the app.
  module Rackup
    # Lines of a backtrace that are printed when a file cannot be loaded.
    LINES = 20
    # Frames that tell a user nothing.
    CARRIERS = %r{/rack/builder\.rb:|\A<internal:}
    # The app of a server that has files only.
    NOTHING = ->(_env) { [404, { "content-type" => "text/plain" }, ["Not Found\n"]] }
    private_constant :LINES, :CARRIERS, :NOTHING

    class << self
      # The app of a server with these options. A public directory needs none.
      def app(options)
        return NOTHING if options[:public] && !File.exist?(options[:rackup])

        load(options[:rackup])
      end

      # Loads the file and returns the app, or raises a BootError that shows what is wrong with it.
      def load(path)
        path = File.expand_path(path)
        raise BootError, "No application configured, nothing to run (#{path} does not exist)" unless File.exist?(path)
        raise BootError, "#{path} is not a file" unless File.file?(path)

        require "rack"
        require "rack/builder"
        parse(path)
      end

      private

      # Whatever the app raises is the app's message, unless it wants the process to end.
      def parse(path)
        found = Rack::Builder.parse_file(path)
        # Rack 2 returns the options in the file's first comment too.
        found.is_a?(Array) ? found.first : found
      rescue SystemExit, SignalException
        raise
      rescue Exception => error
        raise AppLoadError, describe(path, error)
      end

      def describe(path, error)
        lines = ["#{path} could not be loaded: #{error.class}: #{error.message}"]
        app = Array(error.backtrace).take_while { |line| !line.start_with?(__FILE__) }.grep_v(CARRIERS)
        app.first(LINES).each { |line| lines << "  from #{line}" }
        lines << "  caused by #{error.cause.class}: #{error.cause.message}" if error.cause
        lines.join("\n")
      end
    end
  end
end
