# frozen_string_literal: true

module IodineRs
  # What plugins, gems and scripts that were written for Puma look for. It is known as `::Puma` from the moment when this
  # server boots (`offer`, `claim`), unless there is a real Puma: many programs take the name for "this process is a web
  # server".
  module Puma
    autoload :Binder, "iodine_rs/puma/binder"
    autoload :Cluster, "iodine_rs/puma/cluster"
    autoload :Configuration, "iodine_rs/puma/configuration"
    autoload :Const, "iodine_rs/puma/const"
    autoload :Events, "iodine_rs/puma/events"
    autoload :Launcher, "iodine_rs/puma/launcher"
    autoload :LogWriter, "iodine_rs/puma/log_writer"
    autoload :MiniSSL, "iodine_rs/puma/mini_ssl"
    autoload :Plugin, "iodine_rs/puma/plugin"
    autoload :PluginRegistry, "iodine_rs/puma/plugin_registry"
    autoload :Plugins, "iodine_rs/puma/plugin_registry"
    autoload :Server, "iodine_rs/puma/server"
    autoload :ServerPluginControl, "iodine_rs/puma/server_plugin_control"
    autoload :UnknownPlugin, "iodine_rs/puma/plugin_registry"
    autoload :UserFileDefaultOptions, "iodine_rs/puma/user_file_default_options"

    # What configuration files and gems ask about the platform.
    IS_MRI = RUBY_ENGINE == "ruby"
    IS_OSX = RUBY_PLATFORM.include?("darwin")
    IS_LINUX = !IS_OSX
    IS_JRUBY = IS_WINDOWS = false
    HAS_FORK = HAS_SSL = HAS_UNIX_SOCKET = true

    # What lowlevel_error_handler gets of requests that were refused.
    HttpParserError = RequestError
    HttpParserError501 = UnsupportedRequestError

    # Where apps look for what a stopping server raises in them.
    module ThreadPool
      ForceShutdown = IodineRs::ForceShutdown
    end

    # What its handlers are made of.
    RackHandler = IodineRs::RackHandler

    # Plugins reopen it: what they define is a word of configuration files.
    DSL = IodineRs::DSL
    # In a configuration file the name is this module's, also beside a real Puma.
    DSL::Puma = self

    # Where a real Puma gets the figures from that it is asked for.
    module Figures
      def self.stats = IodineRs.stats_hash
    end
    private_constant :Figures

    class << self
      # The Configuration of the server that runs in this process.
      attr_accessor :cli_config

      # Makes this module known as `::Puma`, where there is no real one.
      def offer
        Object.const_set(:Puma, self) unless defined?(::Puma) || real?
      end

      # The same in a process of this server's command, also where the bundle has a real Puma: gems that extend Puma
      # depend on it, and are to find what serves. Unless somebody has loaded that Puma, nobody can from now on; its files
      # answer as ours, or are not there.
      def claim
        return if defined?(::Puma::Const)

        Gem.loaded_specs["puma"]&.full_require_paths&.each { |path| $LOAD_PATH.delete(path) }
        # Bundler runs the gemspec of a gem that comes from a folder or from git: by then its version has made the module.
        adopt(Object.send(:remove_const, :Puma), self) if defined?(::Puma)
        Object.const_set(:Puma, self)
      end

      # Whether this module is what `::Puma` means.
      def offered? = defined?(::Puma) && ::Puma.equal?(self)

      # Whether a real Puma is loaded, or belongs to the bundle.
      def real? = !offered? && (Object.const_defined?(:Puma) || Gem.loaded_specs.key?("puma"))

      # Whether there is a real Puma to load, in the bundle or (without one) on the machine.
      def installed? = real? || Gem::Specification.stubs_for("puma").any?

      # For the files that bear the names of Puma's: loads the real one, from the bundle or (without one) from the
      # machine. False where this module is to stand in for it.
      def load_real(file)
        return false if offered?

        gem = Gem::Specification.stubs_for("puma").first&.to_spec or return false
        gem.activate
        path = gem.full_require_paths.map { |folder| "#{folder}/#{file}" }.find { |candidate| File.exist?(candidate) }
        require(path) if path
        !path.nil?
      end

      # For a file that bears the name of one of Puma's: loads that where there is a real Puma, else this module answers.
      def answer(file) = load_real(file) || offer

      # Gives this server's figures to a real Puma that is loaded: gems ask for them by its name.
      def inform_real
        ::Puma.stats_object = Figures if !offered? && defined?(::Puma) && ::Puma.respond_to?(:stats_object=)
      end

      # For gems that hear of errors as a Server's lowlevel_error (sentry-ruby, appsignal): tells them of one.
      def report(error, env, status)
        Server.allocate.lowlevel_error(error, env, status) unless autoload?(:Server)
      end

      # Where plugins register: the real Puma's, where its part of that is loaded.
      def plugins = real? && defined?(::Puma::Plugins) ? ::Puma::Plugins : Plugins

      # Figures of the running server, by Symbol.
      def stats_hash = IodineRs.stats_hash

      # The same as JSON.
      def stats = IodineRs.stats

      # Names the thread as Puma names its own.
      def set_thread_name(name)
        Thread.current.name = "puma #{name}"
      end

      # Says that a method has a new name, where it was called by the old one.
      def deprecate_method_change(old, called, new)
        warn "Use '#{new}', '#{called}' is deprecated" if old == called
      end

      def mri? = IS_MRI
      def osx? = IS_OSX
      def jruby? = false
      def windows? = false
      def forkable? = true
      def ssl? = true

      private

      # Makes constants of another module those of ours.
      def adopt(theirs, ours)
        theirs.constants(false).each do |name|
          value = theirs.const_get(name)
          next ours.const_set(name, value) unless ours.const_defined?(name, false)

          adopt(value, ours.const_get(name)) if value.is_a?(Module)
        end
      end
    end
  end
end
