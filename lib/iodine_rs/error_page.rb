# frozen_string_literal: true

require "cgi/escape"

module IodineRs
  # What a client sees of an exception in development: the message, where it happened, what to do next. A browser gets
  # HTML, everything else plain text.
  module ErrorPage
    HINTS = {
      LoadError => "A file or gem is missing: is it in the Gemfile, and has `bundle install` run?",
      NoMemoryError => "The process ran out of memory.",
      SystemExit => "The app called exit or abort. In a server it ends this request, not the process.",
      SystemStackError => "The app calls itself without end."
    }.freeze
    NOTE = "You see this because the environment is development or test; elsewhere the response is empty."
    STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem}" \
            "h1{font-size:1.4rem}pre{background:#f4f2ee;padding:1rem;overflow:auto}footer{color:#666}"
    private_constant :HINTS, :NOTE, :STYLE

    class << self
      # The Rack response for that exception.
      #
      # @param title [String] the exception in a line, as the log has it
      # @param trace [Array<String>] its backtrace
      def response(exception, title, trace, env, status)
        hint = hint(exception)
        if html?(env)
          [status, { "content-type" => "text/html; charset=utf-8" }, [html(title, trace, hint, status)]]
        else
          [status, { "content-type" => "text/plain; charset=utf-8" }, [text(title, trace, hint)]]
        end
      end

      private

      def html?(env) = env && env["HTTP_ACCEPT"].to_s.include?("text/html")

      def hint(exception)
        HINTS.find { |type, _| exception.is_a?(type) }&.last
      end

      def text(title, trace, hint)
        ["iodine-rs caught this error: #{title}", *trace, *hint, NOTE].join("\n").concat("\n")
      end

      def html(title, trace, hint, status)
        title, trace, hint = [title, trace.join("\n"), hint.to_s].map { |part| CGI.escapeHTML(part) }
        <<~HTML
          <!DOCTYPE html>
          <html lang="en"><head><meta charset="utf-8"><title>#{status}: #{title}</title><style>#{STYLE}</style></head>
          <body>
          <h1>#{title}</h1>
          <p>#{hint}</p>
          <pre>#{trace}</pre>
          <footer>iodine-rs caught this error. #{NOTE}</footer>
          </body></html>
        HTML
      end
    end
  end
end
