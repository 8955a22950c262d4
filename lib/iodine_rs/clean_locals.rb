# frozen_string_literal: true

module IodineRs
  # Middleware of `fiber_per_request`: a request finds nothing of earlier ones in its thread's and fiber's variables. It
  # clears at the beginning: callbacks of the request before may have left something, too.
  class CleanLocals
    def initialize(app)
      @app = app
    end

    def call(env)
      Thread.current.keys.each { |name| Thread.current[name] = nil }
      Fiber.current.storage&.each_key { |name| Fiber[name] = nil }
      @app.call(env)
    end
  end
end
