# frozen_string_literal: true

require "tmpdir"

# A file system of one megabyte. Only root can have one.
class SmallDisk
  SIZE = 1 << 20
  private_constant :SIZE

  # Whether this system lets us.
  def self.available?
    @available = new.finish if @available.nil?
    @available
  end

  attr_reader :path

  def initialize
    @path = Dir.mktmpdir("iodine-rs-disk")
    @mounted = system("mount", "-t", "tmpfs", "-o", "size=#{SIZE}", "tmpfs", path, err: File::NULL)
  end

  # Leaves no room on it.
  def fill
    File.open(File.join(path, "filler"), "wb") { |file| loop { file.syswrite("x" * 65_536) } }
  rescue Errno::ENOSPC
    # That is what it is for.
  end

  # Makes room again.
  def empty = File.unlink(File.join(path, "filler"))

  # Whether there was one.
  def finish
    system("umount", "-l", path) if @mounted
    Dir.rmdir(path)
    @mounted == true
  end
end
