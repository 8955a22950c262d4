# frozen_string_literal: true

require_relative "../../support/certificates"
require_relative "../../support/tls_socket"

# Servers with an encrypted port, and their clients.
module Site
  ADDRESS = "ssl://127.0.0.1:0?cert=site.crt&key=site.key"

  body = ["0302", "ab" * 32, "00", "0004", "c013002f", "0100", "0008", "000d000400020403"].join
  # A ClientHello of TLS 1.1 without supported_versions, as a client of that time sends it.
  TLS_1_1 = [["160301", format("%04x", body.size / 2 + 4), "01", format("%06x", body.size / 2), body].join].pack("H*").freeze

  def certificates = Certificates.shared

  # Serves the app with the files of a certificate in its directory.
  def serve_tls(app, bind: ADDRESS, files: {}, **)
    serve(app, bind:, files: certificates.files.merge(files), **)
  end

  # A connection that accepts the authority of the specs only.
  def secure(server, **options)
    TLSSocket.new(server.port, **trusting, **options)
  end

  # For clients that connect themselves.
  def door(server) = TLSSocket::Door.new(server.port, trusting)

  def trusting
    store = OpenSSL::X509::Store.new.tap { |one| one.add_cert(certificates.authority.certificate) }
    { cert_store: store, verify_mode: OpenSSL::SSL::VERIFY_PEER }
  end

  # What curl prints for that path.
  def curl(server, path, *options)
    IO.popen(["curl", "--silent", "--show-error", "--max-time", "10", "--cacert", File.join(server.dir, "ca.crt"), *options,
              "https://localhost:#{server.port}#{path}", { err: %i[child out] }], &:read)
  end

  def get(path = "/") = "GET #{path} HTTP/1.1\r\nhost: localhost\r\n\r\n"
end
