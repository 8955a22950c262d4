# frozen_string_literal: true

# A Rails app and a Sinatra app side by side, which share an encrypted session: whoever has signed in to Rails may listen
# to Sinatra's streams. After the article "Integrating Multiple Ruby Web Applications".
#
#   iodine-rs                                           (in this folder) both in one process
#   open http://localhost:9292                          sign in, listen, announce
#   curl -i http://localhost:9292/stream/news           401: not signed in
#
# As two servers behind nginx, with Redis between them:
#
#   iodine-rs rails.ru -p 8080 --redis redis://localhost
#   iodine-rs sinatra.ru -p 4567 --redis redis://localhost
#   nginx -c $PWD/nginx.conf                            then http://localhost:8081

require_relative "rails_app"
require_relative "sinatra_app"

map("/stream") { run Stream }
run Shop::Application
