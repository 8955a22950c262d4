# frozen_string_literal: true

# Serves the app of another config.ru with a collection at every allocation, from its first request on:
# booting under GC.stress would take minutes and test nothing of ours.
app, = Rack::Builder.parse_file(ENV.fetch("IODINE_SPEC_STRESSED_APP"))

run lambda { |env|
  GC.stress = true
  app.call(env)
}
