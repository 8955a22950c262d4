# frozen_string_literal: true

# Files: a body with `to_path` names a file, and the server sends it without Ruby touching the bytes.
#
#   iodine-rs                                                   (in this folder)
#   curl -i http://localhost:9292                               a listing
#   curl -i http://localhost:9292/files/poem.txt                a file by Rack::Files
#   curl -i -r 0-9 http://localhost:9292/files/poem.txt         a part of it: Rack::Files answers ranges
#   curl -i http://localhost:9292/download                      a body of our own with `to_path`
#   curl -o big http://localhost:9292/big                       32 MiB from the disk

require "rack"
require_relative "download"

FILES = File.join(__dir__, "files")

listing = lambda do |_env|
  names = Dir.children(FILES).sort.map { |name| "/files/#{name}\n" }
  [200, { "content-type" => "text/plain" }, [*names, "/download\n", "/big\n"]]
end

app = Rack::Builder.app do
  map("/files") { run Rack::Files.new(FILES) }
  map("/download") { run ->(_env) { Download.new(File.join(FILES, "poem.txt")).response } }
  map("/big") { run ->(_env) { Download.new(Download::BIG.path).response } }
  run listing
end

run app
