# frozen_string_literal: true

module IodineRs
  # Told by the native core about every exception of the app: logs it with its backtrace and says what the client gets.
  # Whatever the exception is (SystemExit, NoMemoryError, one whose `message` raises), nothing is raised here.
  class ErrorReporter
    # How many causes of an exception are logged.
    CAUSES = 5
    private_constant :CAUSES

    # @param handler [#call, nil] answers in the app's own way: gets exception, env and status, as many as it takes
    def initialize(log, development:, handler: nil)
      @log = log
      @development = development
      @handler = handler
    end

    # Logs what escaped from the app and returns the response for it. Is the core's `error_handler`.
    def call(exception, env, status)
      report(exception, env, status:)
      return own_answer(exception, env, status) if @handler
      return blank(status) unless @development

      ErrorPage.response(exception, summary(exception), trace(exception), env, status)
    rescue Exception
      blank(status)
    end

    # A request was refused before the app, which the core has logged: asks the handler for the response. Is the core's
    # `refusal_handler`, where there is a handler.
    #
    # @param kind [Symbol] :parse, :read or :tls; of the last there is no request, and nobody gets the response
    # @param env [Hash] what could be read of the request
    def refuse(kind, why, env, status) = own_answer(refusal(kind, status).new(why), env, status)

    # Logs what was raised where no response can be given any more. `report` as a Method is the core's `error_logger`.
    #
    # @param where [String, nil] for instance "body.close"
    def report(exception, env, where = nil, status: 500)
      head = "Rack app#{request(env)}: #{inspect_exception(exception)}#{where && " in #{where}"}"
      @log.error([head, *indent(trace(exception)), *causes(exception)].join("\n"))
      Puma.report(exception, env, status)
      nil
    rescue Exception
      nil
    end

    private

    def refusal(kind, status)
      case kind
      when :parse then status == 501 ? UnsupportedRequestError : RequestError
      when :read then ReadError
      when :tls then SSLError
      end
    end

    def own_answer(*arguments)
      arity = @handler.respond_to?(:arity) ? @handler.arity : @handler.method(:call).arity
      status, headers, body = @handler.call(*(arity.negative? ? arguments : arguments.first(arity)))
      [status, headers, parts(body)]
    rescue Exception => error
      _exception, env, status = arguments
      report(error, env, "lowlevel_error_handler")
      blank(status)
    end

    def parts(body)
      return body if body.is_a?(Array)
      raise AppError, "lowlevel_error_handler has to answer with [status, headers, [text]]" unless body.respond_to?(:each)

      body.enum_for(:each).to_a
    end

    def blank(status) = [status, { "content-type" => "text/plain" }, []]

    # ("GET /path?query" - (address)), as Puma writes it.
    def request(env)
      return "" unless env.is_a?(Hash) && env["REQUEST_METHOD"]

      query = env["QUERY_STRING"].to_s
      target = "#{env["REQUEST_METHOD"]} #{env["REQUEST_PATH"] || env["PATH_INFO"]}#{"?#{query}" unless query.empty?}"
      printable(" (\"#{target}\" - (#{env["HTTP_X_FORWARDED_FOR"] || env["REMOTE_ADDR"] || "-"}))")
    end

    def inspect_exception(exception)
      text = message(exception)
      text.empty? ? exception.class.to_s : "#<#{exception.class}: #{text}>"
    end

    def summary(exception) = "#{message(exception)} (#{exception.class})"

    # The app's exception class may override any of these methods, and get it wrong.
    def message(exception)
      printable(exception.message)
    rescue Exception => error
      "its message raised #{error.class}"
    end

    def trace(exception)
      Backtrace.of(exception).map { |line| printable(line) }
    rescue Exception
      []
    end

    def causes(exception)
      lines = []
      CAUSES.times do
        exception = exception.cause or break
        lines.push("  caused by #{inspect_exception(exception)}", *indent(trace(exception).first(CAUSES)))
      end
      lines
    end

    def indent(lines) = lines.map { |line| "    #{line}" }

    # Bytes of a request and texts of the app may have any encoding; joining them must not fail.
    def printable(text) = text.to_s.dup.force_encoding(Encoding::UTF_8).scrub
  end
end
