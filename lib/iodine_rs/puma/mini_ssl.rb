# frozen_string_literal: true

module IodineRs
  module Puma
    # What programs that start an encrypted server by `Puma::Server#add_ssl_listener` say about TLS. There is no OpenSSL
    # behind it: see TLS.
    module MiniSSL
      # A certificate, a key or a rule that cannot be used, or a client that could not agree on TLS.
      SSLError = IodineRs::SSLError

      HAS_TLS1_3 = true

      VERIFY_NONE = 0
      VERIFY_PEER = 1
      VERIFY_FAIL_IF_NO_PEER_CERT = 2

      # OpenSSL's numbers for what TLS knows by name.
      VERIFICATION_FLAGS = {
        "USE_CHECK_TIME" => 0x2, "CRL_CHECK" => 0x4, "CRL_CHECK_ALL" => 0x8, "IGNORE_CRITICAL" => 0x10, "X509_STRICT" => 0x20,
        "ALLOW_PROXY_CERTS" => 0x40, "POLICY_CHECK" => 0x80, "EXPLICIT_POLICY" => 0x100, "INHIBIT_ANY" => 0x200,
        "INHIBIT_MAP" => 0x400, "NOTIFY_POLICY" => 0x800, "EXTENDED_CRL_SUPPORT" => 0x1000, "USE_DELTAS" => 0x2000,
        "CHECK_SS_SIGNATURE" => 0x4000, "TRUSTED_FIRST" => 0x8000, "SUITEB_128_LOS_ONLY" => 0x10000,
        "SUITEB_192_LOS" => 0x20000, "SUITEB_128_LOS" => 0x30000, "PARTIAL_CHAIN" => 0x80000, "NO_ALT_CHAINS" => 0x100000,
        "NO_CHECK_TIME" => 0x200000
      }.freeze

      # Certificate, key, and whether clients are verified.
      class Context
        # Each verify_mode that there is, by the name that an address has for it.
        MODES = { nil => "none", VERIFY_NONE => "none", VERIFY_PEER => "peer",
                  VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT => "force_peer" }.freeze
        private_constant :MODES

        attr_reader :cert, :key, :ca, :cert_pem, :key_pem, :no_tlsv1, :no_tlsv1_1
        attr_accessor :key_password_command, :verify_mode, :verification_flags, :ssl_cipher_filter, :ssl_ciphersuites, :reuse

        def initialize
          @no_tlsv1 = @no_tlsv1_1 = false
        end

        # Defines a writer whose values the block looks at first.
        def self.checked_writer(name)
          define_method(:"#{name}=") do |value|
            yield value
            instance_variable_set(:"@#{name}", value)
          end
        end
        private_class_method :checked_writer

        # The files. ArgumentError where they cannot be read.
        { cert: "Cert", key: "Key", ca: "ca" }.each do |name, words|
          checked_writer(name) do |file|
            raise ArgumentError, "#{words} file '#{file}' does not exist" unless File.exist?(file)
            raise ArgumentError, "#{words} file '#{file}' is not readable" unless File.readable?(file)
          end
        end

        # The same as texts.
        %i[cert_pem key_pem].each do |name|
          checked_writer(name) { |text| raise ArgumentError, "'#{name}' is not a String" unless text.is_a?(String) }
        end

        # Versions that are never spoken here.
        %i[no_tlsv1 no_tlsv1_1].each do |name|
          checked_writer(name) do |value|
            raise ArgumentError, "Invalid value of #{name}=" unless ["true", "false", true, false].include?(value)
          end
        end

        # @raise [RuntimeError] where certificate or key are missing
        def check
          raise "Key not configured" if key.nil? && key_pem.nil?
          raise "Cert not configured" if cert.nil? && cert_pem.nil?
        end

        # As parameters of an address, see TLS.
        #
        # @raise [ArgumentError] for a verify_mode or flags that nobody knows
        def parameters
          check
          { "cert" => cert, "key" => key, "ca" => ca, "cert_pem" => cert_pem, "key_pem" => key_pem,
            "key_password_command" => key_password_command, "verify_mode" => mode, "verification_flags" => flags,
            "ssl_cipher_filter" => ssl_cipher_filter, "ssl_ciphersuites" => ssl_ciphersuites, "reuse" => reuse }.compact.transform_values(&:to_s)
        end

        private

        def mode
          MODES.fetch(verify_mode) do
            raise ArgumentError, "verify_mode #{verify_mode.inspect} is not accepted; it takes VERIFY_NONE, VERIFY_PEER, or " \
                                 "VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT"
          end
        end

        def flags
          return if [nil, 0].include?(verification_flags)

          names = VERIFICATION_FLAGS.select { |_, bits| verification_flags & bits == bits }
          return names.keys.join(",") if names.values.reduce(0, :|) == verification_flags

          raise ArgumentError, "verification_flags #{verification_flags.inspect} is not accepted; it takes the sum of VERIFICATION_FLAGS"
        end
      end
    end
  end
end
