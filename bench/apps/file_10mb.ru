# frozen_string_literal: true

# A body with a path, as Rack::Files and send_file answer: a server may send the file by itself.
FileBody = Struct.new(:to_path) do
  def each
    File.open(to_path, "rb") do |file|
      while (piece = file.read(64 * 1024))
        yield piece
      end
    end
  end
end

path = ENV.fetch("BENCH_FILE")
headers = { "content-type" => "application/octet-stream", "content-length" => File.size(path).to_s }

run ->(_env) { [200, headers.dup, FileBody.new(path)] }
