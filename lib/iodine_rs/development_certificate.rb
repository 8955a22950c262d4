# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require "iodine_rs/native"

module IodineRs
  # A certificate for a developer's own machine: the one of the localhost gem where the app has loaded that, else one that
  # is made once and kept, so that a browser has to be told only once that it is welcome.
  class DevelopmentCertificate
    NAMES = %w[localhost 127.0.0.1 ::1].freeze
    # Seconds until another one is made; it is valid for a little longer.
    AGE = 365 * 24 * 3600
    private_constant :NAMES, :AGE

    # Whether the app has loaded the localhost gem.
    def self.authority? = !defined?(Localhost::Authority).nil?

    # The file of the certificate.
    attr_reader :path

    # @param env [Hash] XDG_STATE_HOME and HOME say where it is kept
    def initialize(env: ENV)
      home = env.fetch("XDG_STATE_HOME") { File.join(env.fetch("HOME", Dir.tmpdir), ".local/state") }
      @path, @key_path = authority || %w[crt key].map { |ending| File.join(home, "iodine-rs", "localhost.#{ending}") }
    end

    # The certificate and its key, in PEM.
    def pair
      make unless authority || fresh?
      [@path, @key_path].map { |file| File.read(file) }
    rescue SystemCallError => error
      raise ConfigError, "ssl: the development certificate cannot be kept: #{error.message}; name one by cert= and key="
    end

    private

    def authority
      return unless self.class.authority?

      @authority ||= Localhost::Authority.fetch
      [@authority.certificate_path, @authority.key_path] if @authority.respond_to?(:certificate_path)
    end

    def fresh? = [@path, @key_path].all? { |file| File.exist?(file) && File.mtime(file) > Time.now - AGE }

    # Whole files only: another server may read them at this moment.
    def make
      FileUtils.mkdir_p(File.dirname(@path))
      certificate, key = TLSAcceptor.self_signed(NAMES)
      { @key_path => key, @path => certificate }.each do |file, text|
        File.write("#{file}.#{Process.pid}", text, perm: 0o600)
        File.rename("#{file}.#{Process.pid}", file)
      end
    end
  end
end
