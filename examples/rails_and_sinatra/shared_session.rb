# frozen_string_literal: true

require "active_support"
require "active_support/key_generator"
require "active_support/messages/rotation_configuration"
require "action_dispatch"

# What an app has to know to read and write the session cookie of the Rails app: the secret, and what Rails derives keys
# from it with.
module SharedSession
  SECRET = ENV.fetch("SECRET_KEY_BASE", "only for this example: every app has to know the same secret")
  COOKIE = "_shop_session"

  generator = ActiveSupport::KeyGenerator.new(SECRET, iterations: 1000, hash_digest_class: OpenSSL::Digest::SHA256)

  # The keys of the env that ActionDispatch's cookies look at.
  SETTINGS = {
    "action_dispatch.secret_key_base" => SECRET,
    "action_dispatch.key_generator" => ActiveSupport::CachingKeyGenerator.new(generator),
    "action_dispatch.use_authenticated_cookie_encryption" => true,
    "action_dispatch.use_cookies_with_metadata" => true,
    "action_dispatch.authenticated_encrypted_cookie_salt" => "authenticated encrypted cookie",
    "action_dispatch.cookies_serializer" => :json,
    "action_dispatch.cookies_rotations" => ActiveSupport::Messages::RotationConfiguration.new,
    "action_dispatch.cookies_same_site_protection" => ->(_request) { :lax }
  }.freeze

  # Gives the app below it the session of the Rails app.
  def self.add_to(builder)
    builder.use(Rack::Config) { |env| env.merge!(SETTINGS) }
    builder.use ActionDispatch::Cookies
    builder.use ActionDispatch::Session::CookieStore, key: COOKIE
  end
end
