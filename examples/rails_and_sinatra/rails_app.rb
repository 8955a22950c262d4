# frozen_string_literal: true

require "logger"
require "rails"
require "action_controller/railtie"
require_relative "shared_session"

# The Rails app: signs people in, and announces.
module Shop
  class Application < Rails::Application
    config.load_defaults Rails::VERSION::STRING.to_f
    config.root = __dir__
    config.eager_load = true
    config.secret_key_base = SharedSession::SECRET
    config.session_store :cookie_store, key: SharedSession::COOKIE
    config.logger = Logger.new($stderr)
    config.log_level = :warn
    config.hosts.clear
    # The forms of this example are plain HTML, without Rails' token.
    config.action_controller.default_protect_from_forgery = false
  end

  class PagesController < ActionController::Base
    def show = render(file: File.join(__dir__, "page.html"), layout: false)

    # A real shop would ask for a password.
    def sign_in
      session[:user] = params.require(:name)
      redirect_to "/"
    end

    def sign_out
      reset_session
      redirect_to "/"
    end

    # Reaches the listeners, in whichever process they are.
    def announce
      IodineRs.publish("news", "#{session[:user] || "Somebody"}: #{params.require(:text)}")
      head :no_content
    end
  end

  Application.initialize!

  Application.routes.draw do
    root "shop/pages#show"
    post "sign_in" => "shop/pages#sign_in"
    post "sign_out" => "shop/pages#sign_out"
    post "announce" => "shop/pages#announce"
  end
end
