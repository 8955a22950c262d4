# frozen_string_literal: true

require "openssl"

# An authority, and the certificates that it has signed; made anew for each process that asks.
class Certificates
  # A certificate and its key.
  Pair = Struct.new(:certificate, :key) do
    def pem = certificate.to_pem
    def key_pem = key.private_to_pem
  end

  DAY = 24 * 3600
  private_constant :DAY

  # The one that most specs share.
  def self.shared = @shared ||= new

  attr_reader :authority

  def initialize(name = "spec authority")
    @serial = 0
    key = OpenSSL::PKey::EC.generate("prime256v1")
    @authority = sign(name, key, nil, "basicConstraints" => "CA:TRUE", "keyUsage" => "keyCertSign, cRLSign")
  end

  # An authority between this one and others.
  def intermediate(name)
    sign(name, OpenSSL::PKey::EC.generate("prime256v1"), authority, "basicConstraints" => "CA:TRUE", "keyUsage" => "keyCertSign, cRLSign")
  end

  # For a server at that name.
  def server(name = "localhost", key: OpenSSL::PKey::EC.generate("prime256v1"), issuer: authority)
    sign(name, key, issuer, "basicConstraints" => "CA:FALSE", "subjectAltName" => "DNS:#{name}, IP:127.0.0.1",
                               "extendedKeyUsage" => "serverAuth")
  end

  # For a client.
  def client(name, issuer: authority)
    key = OpenSSL::PKey::EC.generate("prime256v1")
    sign(name, key, issuer, "basicConstraints" => "CA:FALSE", "extendedKeyUsage" => "clientAuth")
  end

  # Files for a server's directory.
  def files(pair = server)
    { "site.crt" => pair.pem, "site.key" => pair.key_pem, "ca.crt" => authority.pem }
  end

  private

  def sign(name, key, issuer, extensions)
    certificate = OpenSSL::X509::Certificate.new
    certificate.version = 2
    certificate.serial = @serial += 1
    certificate.subject = OpenSSL::X509::Name.new([["CN", name]])
    certificate.issuer = issuer ? issuer.certificate.subject : certificate.subject
    certificate.public_key = key
    certificate.not_before = Time.now - DAY
    certificate.not_after = Time.now + DAY
    factory = OpenSSL::X509::ExtensionFactory.new
    extensions.each { |id, value| certificate.add_extension(factory.create_extension(id, value, id == "basicConstraints")) }
    certificate.sign(issuer ? issuer.key : key, "SHA256")
    Pair.new(certificate, key)
  end
end
