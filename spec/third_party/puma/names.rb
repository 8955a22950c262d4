# frozen_string_literal: true

require "iodine_rs"
require "rack"

# Names inside Puma that its tests and their helpers use and nobody else does, for what this server has as well.
module IodineRs
  module Puma
    HAS_NATIVE_IO_WAIT = true
    IS_ARM = false
    STATUS_WITH_NO_ENTITY_BODY = ::Rack::Utils::STATUS_WITH_NO_ENTITY_BODY
    HTTP_STATUS_CODES = ::Rack::Utils::HTTP_STATUS_CODES

    module Const
      MAX_BODY = 112 * 1024
      CHUNK_SIZE = 64 * 1024
      CONNECTION_CLOSE = "connection: close\r\n"
      PROXY_PROTOCOL_V1_MAX_LENGTH = 107
    end

    NullIO = NullInput

    module MiniSSL
      OPENSSL_NO_SSL3 = OPENSSL_NO_TLS1 = true
      OPENSSL_LIBRARY_VERSION = OPENSSL_VERSION = OpenSSL::OPENSSL_LIBRARY_VERSION
    end

    # The keys of Puma's figures.
    Server::STAT_METHODS = %i[backlog running pool_capacity busy_threads backlog_max max_threads requests_count reactor_max].freeze

    # pumactl inside the test's process.
    class ControlCLI
      CMD_PATH_SIG_MAP = Ctl.const_get(:COMMANDS)
      NO_REQ_COMMANDS = Ctl.const_get(:SIGNALS_ONLY)

      def initialize(argv, out = $stdout, _err = $stderr, env: ENV)
        @ctl = Ctl.new(argv, out:, env:)
      end

      # Puma's ends the process after a mistake.
      def run
        status = @ctl.run
        exit(status) unless status.zero?
      end
    end

    # What Puma's own configuration makes of its words and hands to the server.
    module InnerOptions
      def initialize(app, events = nil, options = {})
        options = options.to_h.dup if options.is_a?(Hash)
        super(app, events, options.is_a?(Hash) ? InnerOptions.translate(options) : options)
      end

      def self.translate(options)
        hooks = Hooks.new
        options.delete(:out_of_band)&.each { |hook| hooks.add(:out_of_band, hook[:block]) }
        field = options.delete(:remote_address_header)&.delete_prefix("HTTP_")&.tr("_", "-")
        address = [options[:remote_address], options.delete(:remote_address_proxy_protocol), field].compact.join(":")
        { **options, hooks:, **(address.empty? ? {} : { remote_address: address }) }
      end

      # Whether a page shows what the app raised.
      def leak_stack_on_error = options.to_options.development?

      # Whether the app gets rack.early_hints.
      def early_hints = options[:early_hints] || nil
    end
    Server.prepend(InnerOptions)

    class << self
      def abstract_unix_socket? = true
    end
  end
end
