# frozen_string_literal: true

require "json"
require "open3"

# Autobahn's WebSocket cases for Python 3. Sections 12 and 13 are about compression, which is not offered.
KOSOKU = File.expand_path("../tmp/kosoku", __dir__)
ECHO = "spec/realtime/apps/echo.ru"

file KOSOKU do
  sh "python3", "-m", "pip", "install", "--quiet", "--target", KOSOKU, "kosoku"
end

# Cases by how they ended.
def websocket_cases(port)
  output, = Open3.capture2e({ "PYTHONPATH" => KOSOKU }, File.join(KOSOKU, "bin/kosoku"), "-p", "4", "-x", "12.*", "-x", "13.*",
                            "-o", "tmp/kosoku-report", "127.0.0.1:#{port}")
  cases = JSON.parse(File.read("tmp/kosoku-report/index.json")).values.first
  cases.values.group_by { |result| result["behavior"] }.transform_values(&:size).tap { |ends| puts output unless ends["OK"] }
end

desc "Run Autobahn's WebSocket cases against the echo app; none may fail"
task(kosoku: [:compile, KOSOKU]) do
  require_relative "../spec/support/server_process"
  options = ["--set", "max_message_size=20000000", "--set", "max_outgoing=100000000"]
  ServerProcess.start(rackup: ECHO, args: options, gc_stress: false) do |server|
    ends = websocket_cases(server.port)
    puts ends.map { |name, count| "#{name}: #{count}" }.join(", ")
    abort "cases failed: see tmp/kosoku-report" if ends.keys.any? { |name| !%w[OK INFORMATIONAL NON-STRICT].include?(name) }
  end
end
