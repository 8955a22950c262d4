# frozen_string_literal: true

# Rack in one page: an app is an object with `call(env)` that returns status, headers and body.
#
#   iodine-rs                                              (in this folder)
#   curl -i 'http://localhost:9292/?name=Ada'              parameters
#   curl -i http://localhost:9292/env                      what the server tells the app
#   curl -i --data-binary @config.ru localhost:9292/upper  reads the request body
#   curl -i http://localhost:9292/teapot                   any status and headers
#   curl -i http://localhost:9292/numbers                  a body with `each`

require_relative "basics"

run Basics.new
