# frozen_string_literal: true

require "tmpdir"

# What a deployment leaves: releases "one" and "two", whose apps answer with their names, and a link to the present one.
class Releases
  # Yields them, with the link at "one".
  def self.open
    Dir.mktmpdir { |home| yield new(home) }
  end

  def initialize(home)
    @home = home
    %w[one two].each do |name|
      Dir.mkdir("#{home}/#{name}")
      File.write("#{home}/#{name}/config.ru", "run ->(_env) { [200, {}, ['#{name}']] }")
    end
    point_to("one")
  end

  # The link.
  def current = "#{@home}/current"

  def point_to(name) = File.symlink(name, current)
  def unlink = File.unlink(current)
end
