# frozen_string_literal: true

require "iodine_rs/dsl/puma_words"

module IodineRs
  # The words of a configuration file, also spoken by the command line and the rackup handler. Each option of
  # Options::TABLE is a word; `true` may be left out.
  #
  #   port 3000
  #   threads 1, 5
  #   early_hints
  #   max_head_size 64 * 1024
  class DSL
    include PumaWords

    # @param options [Hash] the layer that is being written, see Options
    # @param default_host [String, nil] where `port` listens when it gets no host
    # @param config [Puma::Configuration, nil] what a file finds in `@config`
    def initialize(options = {}, default_host: nil, config: nil)
      @options = options
      @default_host = default_host
      @config = config
    end

    Hooks::NAMES.each do |name, older|
      [name, *older].each { |word| define_method(word) { |key = nil, &block| hooks.add(name, key, block) } }
    end

    # Listens on an address: tcp://host:port, unix:///path or ssl://host:port. Every call adds one.
    def bind(address) = set(:binds, [*@options[:binds], address])

    # Listens on an encrypted port. Every call adds one. Parameters as in docs/deployment.md.
    def ssl_bind(host, port, parameters = {}) = bind(Bind.ssl_port(host, port, parameters))

    # Listens on a port of all interfaces, or of that host. Every call adds one.
    def port(port, host = nil) = bind(Bind.port(port, host || @default_host))

    # At least `min` and at most `max` threads for the app; one number for both.
    def threads(min, max = min)
      set(:min_threads, whole(min))
      set(:max_threads, whole(max))
      Options.check_threads(*@options.values_at(:min_threads, :max_threads))
    end

    # Worker processes; 0 serves from one process.
    def workers(count) = set(:workers, whole(count))

    # No line for each request; the opposite of `log_requests`.
    def quiet(quiet = true) = set(:log_requests, !quiet)

    # The name of the environment; nil leaves the choice to the variables.
    def environment(name) = name.nil? || set(:environment, name)

    # The Rack app itself, as an object or a block.
    def app(object = nil, &block) = set(:app, object || block)

    # Prints the backtraces of all threads when stopping begins, or only where it is forced.
    def shutdown_debug(debug = true, on_force: false) = set(:shutdown_debug, debug && on_force ? "on_force" : debug)

    # Another word for `public`.
    def static(path = "public") = public(path)

    # The rackup file; the first word counts.
    def rackup(path) = @options.key?(:rackup) || set(:rackup, path)

    # The directory to serve from. It is resolved now: changing to it twice does no harm then.
    def directory(path) = set(:directory, path) && set(:directory, File.expand_path(@options[:directory]))

    Options::TABLE.select(&:text?).map(&:name).each do |name|
      define_method(name) { |value = true| set(name, value) } unless method_defined?(name, false)
    end

    private

    # Of a Float the whole ones count, as for Integer(): files multiply the number of processors.
    def whole(number) = number.is_a?(Float) && number.finite? ? number.to_i : number

    def hooks = @options[:hooks] ||= Hooks.new

    def set(name, value) = @options[name] = Options::TABLE.fetch(name).coerce(value)

    def method_missing(name, *)
      words = DSL.public_instance_methods(false) + PumaWords.public_instance_methods(false)
      raise ConfigError, "unknown option #{name}#{Options.suggest(name, words)}"
    end

    def respond_to_missing?(*) = false
  end
end

# Not inside the module: a file would find its constants first, and Subscription is a model of many apps.
class IodineRs::DSL
  # Runs the text of a configuration file.
  def _evaluate(source, path) = instance_eval(source, path)
end
