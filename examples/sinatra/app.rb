# frozen_string_literal: true

require "sinatra/base"
require "digest"
require "json"
require "securerandom"

# A very small shop.
class Shop < Sinatra::Base
  set :sessions, true
  set :session_secret, ENV.fetch("SESSION_SECRET") { SecureRandom.hex(64) }
  set :pause, Float(ENV.fetch("PAUSE", "1"))
  enable :inline_templates

  get("/") { erb :index }

  get "/hello/:name" do
    content_type :text
    "Hello #{params[:name]}\n"
  end

  get "/cart" do
    json(cart)
  end

  post "/cart" do
    session[:cart] = cart + [params.fetch(:item)]
    redirect to("/cart"), 303
  end

  post "/upload" do
    file = params.fetch(:file)
    json(name: file[:filename], type: file[:type], bytes: file[:tempfile].size,
         sha256: Digest::SHA256.file(file[:tempfile].path).hexdigest)
  end

  get "/countdown" do
    content_type :text
    stream do |out|
      3.downto(1) do |left|
        out << "#{left}\n"
        sleep settings.pause
      end
      out << "lift-off\n"
    end
  end

  get("/source") { send_file __FILE__, type: :text }

  get("/boom") { raise "out of stock" }

  error(404) { "no such shelf\n" }

  private

  def cart
    session.fetch(:cart, [])
  end

  def json(object)
    content_type :json
    JSON.generate(object) << "\n"
  end
end

__END__

@@ index
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><link rel="icon" href="data:,"><title>A very small shop</title></head>
<body>
  <h1>A very small shop</h1>
  <form method="post" action="/cart"><input name="item" required> <button>Into the cart</button></form>
  <form method="post" action="/upload" enctype="multipart/form-data">
    <input type="file" name="file" required> <button>Upload</button>
  </form>
  <p><a href="/hello/Ada">hello</a> · <a href="/cart">cart</a> · <a href="/countdown">countdown</a> ·
     <a href="/source">source</a> · <a href="/boom">error</a></p>
</body>
</html>
