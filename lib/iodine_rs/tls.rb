# frozen_string_literal: true

require "iodine_rs/native"

module IodineRs
  # What an ssl:// address says about TLS: reads the files, and makes of them what the native core accepts connections
  # by. Names and meanings are Puma's (drop-in row B-04); the protocol is rustls', which has TLS 1.2 and 1.3 only.
  class TLS
    # Parameters of an address, and keys of `ssl_bind`.
    PARAMETERS = %w[cert key cert_pem key_pem key_password_command key_password_timeout ca verify_mode verification_flags
                    ssl_cipher_filter ssl_ciphersuites no_tlsv1 no_tlsv1_1 reuse].freeze
    MODES = %w[none peer force_peer].freeze
    # What rustls does in any case, or what asks for less than it does.
    MOOT_FLAGS = %w[USE_CHECK_TIME IGNORE_CRITICAL X509_STRICT ALLOW_PROXY_CERTS NOTIFY_POLICY CHECK_SS_SIGNATURE
                    TRUSTED_FIRST PARTIAL_CHAIN NO_ALT_CHAINS NO_CHECK_TIME].freeze
    # What asks for more than it does.
    REFUSED_FLAGS = %w[CRL_CHECK CRL_CHECK_ALL POLICY_CHECK EXPLICIT_POLICY INHIBIT_ANY INHIBIT_MAP EXTENDED_CRL_SUPPORT
                       USE_DELTAS SUITEB_128_LOS_ONLY SUITEB_192_LOS SUITEB_128_LOS].freeze
    private_constant :MODES, :MOOT_FLAGS, :REFUSED_FLAGS

    class << self
      # Raises ConfigError for words that are not accepted. Files are read later: `directory` may not be entered yet.
      def check(parameters)
        mode = parameters.fetch("verify_mode", "none")
        refuse("verify_mode", mode, "it takes #{MODES.join(", ")}") unless MODES.include?(mode)
        refuse("verify_mode", mode, "it needs ca, a file with the authorities") if mode != "none" && !parameters["ca"]
        check_flags(parameters["verification_flags"].to_s.split(","))
        check_patience(parameters["key_password_timeout"])
        return if pair?(parameters, "cert") == pair?(parameters, "key")

        raise ConfigError, "ssl: cert and key (or cert_pem and key_pem) belong together"
      end

      private

      def pair?(parameters, name) = [name, "#{name}_pem"].any? { |key| !parameters[key].to_s.empty? }

      def check_flags(flags)
        flags.each do |flag|
          next if MOOT_FLAGS.include?(flag)

          advice = REFUSED_FLAGS.include?(flag) ? "rustls does not check that; leave it out, or let a proxy do it" : "unknown"
          refuse("verification_flags", flag, advice)
        end
      end

      def check_patience(text)
        return if text.nil? || Float(text, exception: false)&.positive?

        refuse("key_password_timeout", text, "it takes seconds, more than 0")
      end

      def refuse(name, value, advice)
        raise ConfigError, "ssl: #{name} #{value.inspect} is not accepted; #{advice}"
      end
    end

    # Whether the parameters name a certificate.
    def self.named?(parameters) = %w[cert cert_pem].any? { |name| !parameters[name].to_s.empty? }

    # For the native core.
    attr_reader :acceptor

    # @param parameters [Hash] of PARAMETERS
    # @param development [Boolean] whether a certificate may be made where none is named
    def initialize(parameters, development: false)
      @parameters = parameters
      @development = development
      # The class of env["puma.peercert"].
      require "openssl" if verifies?
      @acceptor = TLSAcceptor.new(settings)
    end

    # Reads the files anew. Connections stay as they are; the next handshakes use what was read.
    #
    # @raise [ConfigError] and then nothing changes
    def reload = @acceptor.reload(settings)

    # Lines for whoever starts the server.
    def notes
      [*("the certificate is self-signed, for development: #{@made}" if @made),
       *("ssl_cipher_filter: OpenSSL's lists are not read; TLS 1.2 has rustls' suites, all of them AEAD with ECDHE" if
         @parameters["ssl_cipher_filter"]),
       *("verification_flags: rustls has rules of its own, which no flag makes milder" if @parameters["verification_flags"]),
       *("reuse: a client that has to be verified is verified each time" if @parameters["reuse"] && verifies? && resumes?)]
    end

    private

    def verifies? = @parameters.fetch("verify_mode", "none") != "none"

    # Puma's default is off; tickets cost the server nothing, so that here only `off` turns it off.
    def resumes? = !%w[off false].include?(@parameters["reuse"])

    def settings
      certificate, key = pair
      certificate = complete(certificate, read("ca")) if @parameters["ca"]
      { certificate:, key:, authorities: (read("ca") if @parameters["ca"]), verify_mode: @parameters.fetch("verify_mode", "none"),
        ciphersuites: @parameters["ssl_ciphersuites"]&.split(":"), resumption: resumes? }
    end

    def pair
      return [@parameters["cert_pem"] || read("cert"), decrypt(@parameters["key_pem"] || read("key"))] if TLS.named?(@parameters)
      unless @development || DevelopmentCertificate.authority?
        raise ConfigError, "ssl: name a certificate and its key: ssl://host:port?cert=FILE&key=FILE"
      end

      made = DevelopmentCertificate.new
      @made = made.path
      made.pair
    end

    # A certificate that comes alone gets those between it and a root from the authorities: OpenSSL does that, and files
    # are made for it.
    def complete(certificate, authorities)
      require "openssl"
      known = certificates(authorities) or raise ConfigError, "ssl: ca: there is no certificate in PEM form"
      chain = certificates(certificate)
      return certificate unless chain&.one?

      while (issuer = known.find { |one| one.subject == chain.last.issuer && chain.last.verify(one.public_key) })
        chain << known.delete(issuer)
      end
      chain.map(&:to_pem).join
    end

    # nil where there is none; the acceptor says why.
    def certificates(pem)
      OpenSSL::X509::Certificate.load(pem)
    rescue OpenSSL::X509::CertificateError
      nil
    end

    def read(name)
      # Some editors mark the encoding.
      File.binread(@parameters.fetch(name)).delete_prefix("\xEF\xBB\xBF".b)
    rescue SystemCallError => error
      raise ConfigError, "ssl: #{name}: #{error.message}"
    end

    # OpenSSL reads every kind of encrypted key that there is.
    def decrypt(key)
      return key unless @parameters["key_password_command"]

      require "openssl"
      OpenSSL::PKey.read(key, password).private_to_pem
    rescue OpenSSL::PKey::PKeyError => error
      raise ConfigError, "ssl: key: the password does not fit, or it is no key (#{error.message})"
    end

    def password
      patience = @parameters["key_password_timeout"]
      PasswordCommand.new(@parameters["key_password_command"], *(Float(patience) if patience)).password
    end
  end
end
