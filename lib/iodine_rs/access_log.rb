# frozen_string_literal: true

module IodineRs
  # Middleware of `--log-requests`: one line per request in the common log format and the seconds it took, printed
  # after the response. Without the option it is not in the way at all.
  class AccessLog
    LINE = "%s - %s [%s] \"%s %s%s %s\" %s %s %.4f\n"
    TIME = "%d/%b/%Y:%H:%M:%S %z"
    private_constant :LINE, :TIME

    def initialize(app, out = $stdout)
      @app = app
      @out = out
    end

    def call(env)
      began = now
      length = nil
      env["rack.response_finished"] << lambda do |_env, status, headers, _error|
        @out.write(line(env, status, content_length(headers) || length, now - began))
      end
      response = @app.call(env)
      length = size_of(response[2]) if response.is_a?(Array)
      response
    end

    private

    def line(env, status, length, seconds)
      status, length = "HIJACKED", -1 if env["rack.hijack_io"]
      query = env["QUERY_STRING"].to_s
      format(LINE, env["HTTP_X_FORWARDED_FOR"] || env["REMOTE_ADDR"] || "-", env["REMOTE_USER"] || "-",
             Time.now.strftime(TIME), env["REQUEST_METHOD"], env["PATH_INFO"], query.empty? ? "" : "?#{query}",
             env["SERVER_PROTOCOL"], status || "-", length || "-", seconds)
    end

    def content_length(headers)
      headers.find { |name, _| name.casecmp?("content-length") }&.last if headers.respond_to?(:find)
    end

    # Only an Array tells its size without being used up.
    def size_of(body)
      body.sum(&:bytesize) if body.is_a?(Array) && body.all?(String)
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
