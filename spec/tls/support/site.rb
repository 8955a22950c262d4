# frozen_string_literal: true

require_relative "../../support/certificates"
require_relative "../../support/tls_socket"

# Servers with an encrypted port, and their clients.
module Site
  ADDRESS = "ssl://127.0.0.1:0?cert=site.crt&key=site.key"

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
