# frozen_string_literal: true

module IodineRs
  module Puma
    # The settings by Puma's names, in three layers: what the user typed, what the files say, the defaults. A name that
    # is no option of ours may be there too: plugins have their own.
    class UserFileDefaultOptions
      # What Puma calls otherwise than we do.
      NAMES = { state: :state_path, restart_cmd: :restart_command, control_auth_token: :control_token, control_url_umask: :control_umask }.freeze
      private_constant :NAMES

      attr_reader :user_options, :file_options, :default_options

      def initialize(user_options = {}, file_options = {}, default_options = {})
        @user_options = user_options
        @file_options = file_options
        @default_options = default_options
      end

      # The value, or nil.
      def [](name) = fetch(name)

      # Overrides whatever there is.
      def []=(name, value)
        user_options[NAMES.fetch(name, name)] = value
      end

      # The value, or else `fallback`.
      def fetch(name, fallback = nil)
        name = NAMES.fetch(name, name)
        layer = layers.find { |values| values.key?(name) }
        return layer.fetch(name) if layer

        Options::TABLE.names.include?(name) ? to_options[name] : fallback
      end

      # Whether anybody has set it.
      def key?(name) = layers.any? { |values| values.key?(NAMES.fetch(name, name)) }

      # Its values in all layers, the user's first.
      def all_of(name) = layers.flat_map { |values| values[NAMES.fetch(name, name)] || [] }

      # Everything that has been set, as one Hash.
      def final_options = layers.reverse.reduce(:merge)

      # What the server runs with.
      #
      # @raise [ConfigError]
      def to_options = Options.new(*layers.map { |values| Options.layer(values.slice(*Options::TABLE.names)) })

      private

      def layers = [user_options, file_options, default_options]
    end
  end
end
