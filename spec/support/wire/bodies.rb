# frozen_string_literal: true

require "timeout"

# Bodies for the apps of the catalogue; this file is loaded by the server under test.

# Has `each` and nothing else, so its length is not known beforehand.
Parts = Struct.new(:parts) do
  def initialize(*parts) = super(parts)
  def each(&) = parts.each(&)
end

# Raises behind its last part.
class Raising < Parts
  def each(&)
    super
    raise "oops"
  end
end

# Raises when it is closed.
class RaisingClose < Array
  def close = raise("oops")
end

# Tells on stdout that it is closed.
class Closing < Parts
  def close = puts("closed")
end

# Names a file, and has parts for servers that cannot send it.
class FileBody < Parts
  attr_reader :to_path

  def initialize(path, *parts)
    super(*parts)
    @to_path = path
  end
end
