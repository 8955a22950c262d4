# frozen_string_literal: true

# Sinatra, unchanged: routes, parameters, sessions, uploads, streaming, files.
#
#   iodine-rs                                                (in this folder)
#   curl http://localhost:9292/hello/Ada                     a route with a parameter
#   curl -c jar -b jar -d item=tea http://localhost:9292/cart        a session,
#   curl -c jar -b jar http://localhost:9292/cart                    which remembers
#   curl -F file=@config.ru http://localhost:9292/upload     a multipart upload
#   curl -N http://localhost:9292/countdown                  `stream do`: a line a second
#   curl -i http://localhost:9292/source                     `send_file`

require_relative "app"

run Shop
