# frozen_string_literal: true

# The innermost app: counts visits in the session that the middleware above put into env.
class Visits
  def call(env)
    return text("All work and no play makes Jack a dull boy. " * 1000) if env["PATH_INFO"] == "/long"

    session = env["rack.session"]
    session["count"] = session["count"].to_i + 1
    text("#{env["REQUEST_METHOD"]}, visit #{session["count"]}\n")
  end

  private

  def text(content)
    [200, { "content-type" => "text/plain" }, [content]]
  end
end
