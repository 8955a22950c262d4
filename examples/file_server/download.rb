# frozen_string_literal: true

require "tempfile"

# A response whose body is a file on disk, offered for saving.
class Download
  # `to_path` is what the server uses; `each` is there for a middleware that wants to see the bytes.
  Body = Struct.new(:to_path) do
    def each(&block)
      File.open(to_path, "rb") { |file| block.call(file.readpartial(16_384)) until file.eof? }
    end
  end

  # All zeros, so it takes no room on the disk; gone with the process.
  BIG = Tempfile.new("big").tap { |file| file.truncate(32 * 1024 * 1024) }

  def initialize(path)
    @path = path
  end

  def response
    headers = {
      "content-type" => "application/octet-stream",
      "content-length" => File.size(@path).to_s,
      "content-disposition" => %(attachment; filename="#{File.basename(@path)}")
    }
    [200, headers, Body.new(@path)]
  end
end
