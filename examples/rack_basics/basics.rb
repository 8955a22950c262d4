# frozen_string_literal: true

require "rack"

# Answers each path with a method of its own; everything goes through the env hash.
class Basics
  # A body is anything with `each`: the server asks for the parts and closes the body at the end.
  class Numbers
    def each
      1.upto(3) { |number| yield "#{number}\n" }
    end

    def close; end
  end

  def call(env)
    case env["PATH_INFO"]
    when "/" then greet(Rack::Request.new(env).params.fetch("name", "World"))
    when "/env" then text(200, env.sort.map { |key, value| "#{key} = #{value.inspect}\n" }.join)
    when "/upper" then text(200, env["rack.input"].read.upcase)
    when "/teapot" then text(418, "short and stout\n", "x-spout" => "left")
    when "/numbers" then [200, { "content-type" => "text/plain" }, Numbers.new]
    else text(404, "nothing at #{env["PATH_INFO"]}\n")
    end
  end

  private

  def greet(name)
    text(200, "Hello #{name}\n")
  end

  def text(status, content, headers = {})
    [status, { "content-type" => "text/plain; charset=utf-8", **headers }, [content]]
  end
end
