# frozen_string_literal: true

module IodineRs
  class Admin
    # The control app: one command a request, in Puma's protocol, so that `pumactl` works with it, too.
    class Control
      OK = [200, "application/json", '{ "status": "ok" }'].freeze
      # Commands that change nothing.
      DATA = %w[stats gc-stats].freeze
      private_constant :OK, :DATA

      # @param token [String, nil] nil asks for none
      # @param data_only [Boolean] refuses what changes something
      def initialize(launcher, token: nil, data_only: false)
        @launcher = launcher
        @token = token
        @data_only = data_only
      end

      # Runs the command that the last part of the path names.
      #
      # @return [Array] status, content type, body
      def call(path, query)
        return [403, "text/plain", "Invalid auth token"] unless authorized?(query)

        command = path[%r{/([^/]+)\z}, 1]
        return [404, "text/plain", "Command #{command.inspect} unavailable"] if @data_only && !DATA.include?(command)

        run(command)
      end

      private

      def run(command)
        case command
        when "stats" then json(@launcher.stats)
        when "gc-stats" then json(GC.stat)
        when "thread-backtraces" then json(ThreadBacktraces.all)
        when "gc" then done(GC.start)
        when "stop" then done(@launcher.stop)
        when "halt" then done(@launcher.halt)
        when "restart" then done(@launcher.restart)
        when "phased-restart" then done(@launcher.phased_restart)
        when "reload-worker-directory" then @launcher.reload_worker_directory ? OK : unavailable(command)
        when "refork" then unavailable(command)
        else [404, "text/plain", "Unsupported action"]
        end
      end

      def done(_result) = OK

      def json(value) = [200, "application/json", Json.generate(value)]

      def unavailable(command) = [404, "application/json", %({ "error": "#{command.tr("-", "_")} not available" })]

      def authorized?(query) = @token.nil? || query.split(/[&;]/).any? { |pair| same?(pair, "token=#{@token}") }

      # Takes as long for a token that is nearly right as for any other of its length.
      def same?(given, wanted)
        return false unless given.bytesize == wanted.bytesize

        given.bytes.zip(wanted.bytes).reduce(0) { |difference, (one, other)| difference | (one ^ other) }.zero?
      end
    end
  end
end
