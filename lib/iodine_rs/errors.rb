# frozen_string_literal: true

module IodineRs
  # What this gem raises is one of these.
  class Error < StandardError; end

  # The server cannot start as it was asked to; the message is meant for whoever started it.
  class BootError < Error; end

  # An option has an unknown name or a value that is not accepted.
  class ConfigError < BootError; end

  # The app's own code failed while it was loaded.
  class AppLoadError < BootError; end

  # Raised inside the app when a stopping server does not wait any longer (`force_shutdown_after`).
  class ForceShutdown < Error; end

  # What lowlevel_error_handler gets beside what the app raises: a request that the server refused, because it is no HTTP or
  # above a limit.
  class RequestError < Error; end

  # A request for something that the server does not do (status 501).
  class UnsupportedRequestError < RequestError; end

  # A request that the server could not take in: its body found no room.
  class ReadError < Error; end

  # TLS: a client that could not agree with the server; by Puma's name for it also what cannot be used for that.
  class SSLError < ConfigError; end

  # The app returned something that is not a Rack response; the message says what and how to repair it.
  class AppError < Error; end
end
