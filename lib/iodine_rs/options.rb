# frozen_string_literal: true

module IodineRs
  # The settings of one server. Values come in layers, the first one that has a name wins; what no layer has takes its
  # default from TABLE.
  #
  #   options = Options.new(Options.layer(max_threads: 3))
  #   options[:max_threads]  # => 3
  #   options[:max_queue]    # => 128
  #
  # A layer is a Hash of converted values by option name: what the user typed, what the configuration file says.
  class Options
    class << self
      # A layer from option names and values; raises ConfigError for an unknown name or a value that is not accepted.
      def layer(values)
        values.to_h { |name, value| [name.to_sym, TABLE.fetch(name).coerce(value)] }
      end

      # "; did you mean x?" for a misspelt word, or nothing.
      def suggest(word, words)
        nearest = nearest(word, words) if defined?(DidYouMean)
        nearest ? "; did you mean #{nearest}?" : ""
      end

      # Raises a ConfigError where the minimum is above the maximum.
      def check_threads(min, max)
        raise ConfigError, "threads: the minimum (#{min}) is above the maximum (#{max})" if min > max
      end

      private

      # The checker allows for a mistake in four letters, and `tag` has three.
      def nearest(word, words)
        DidYouMean::SpellChecker.new(dictionary: words).correct(word).first ||
          words.find { |known| DidYouMean::Levenshtein.distance(known.to_s, word.to_s) == 1 }
      end
    end

    # What was given, the most important layer first.
    attr_reader :layers

    # @param layers [Array<Hash>] the most important one first
    # @param env [Hash] where defaults look for environment variables
    def initialize(*layers, env: ENV)
      @layers = layers
      @env = env
      @values = {}
      TABLE.names.each { |name| self[name] }
      @values.freeze
      Options.check_threads(*values_at(:min_threads, :max_threads))
      check_worker_timeout
      check_folders
    end

    # The value of an option.
    def [](name)
      @values.fetch(name) { @values[name] = resolve(name) }
    end

    # The values of several.
    def values_at(*names) = names.map { |name| self[name] }

    # Name, value and origin of each option: one of `names`, which stand for the layers, or "default".
    def origins(names)
      TABLE.names.map do |name|
        layer = @layers.index { |values| values.key?(name) }
        [name, self[name], layer ? names.fetch(layer, "given") : "default"]
      end
    end

    # The same as lines of a table.
    def report(names)
      origins(names).map { |name, value, origin| format("%-45s %-40s %s", name, TABLE.fetch(name).show(value), origin) }.join("\n")
    end

    # The first of these environment variables that is set and not blank.
    def from_env(*names)
      names.filter_map { |name| @env[name] }.find { |value| !value.strip.empty? }
    end

    # Whether an exception is shown to the client.
    def development? = %w[development test].include?(self[:environment])

    # What the titles of processes end with.
    def title_suffix = self[:tag] && " [#{self[:tag]}]"

    # What the native core wants to know, complete but for the objects it calls.
    def to_native
      native = TABLE.select(&:native?).to_h { |option| [option.name, self[option.name]] }
      native.merge(multiprocess: self[:workers].positive?, development: development?,
                   software: "iodine-rs #{VERSION}", rack_version: rack_release)
    end

    private

    def resolve(name)
      option = TABLE.fetch(name)
      given = @layers.filter_map { |values| [values.fetch(name)] if values.key?(name) }.flatten(1)
      return option.default(self) if given.empty?

      option.merge? ? given.reduce(:+) : given.first
    end

    def check_worker_timeout
      timeout, interval = values_at(:worker_timeout, :worker_check_interval)
      return if timeout > interval

      raise ConfigError, "worker_timeout (#{timeout}) has to be above worker_check_interval (#{interval})"
    end

    # Only now: a relative path counts from `directory`, which is known and entered by now.
    def check_folders
      missing = [*self[:public], *self[:sendfile_roots]].find { |path| !File.directory?(path) } or return
      raise ConfigError, "#{missing == self[:public] ? "public" : "sendfile_roots"}: #{missing} is not a directory"
    end

    def rack_release
      require "rack"
      Rack.release
    end
  end
end

require "iodine_rs/options/type"
require "iodine_rs/options/option"
require "iodine_rs/options/registry"
require "iodine_rs/options/table"
