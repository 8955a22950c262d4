# frozen_string_literal: true

require "rbconfig"

module IodineRs
  # What a hot restart executes. A deployment may have pointed the link that the server was started through elsewhere by
  # then, and have removed where it led: what was found below it is found by the link again.
  class RestartCommand
    LIB = File.expand_path("..", __dir__)
    private_constant :LIB

    # @param command [String, nil] what was asked for, instead of the program that runs now
    # @param argv [Array<String>] that program's arguments
    # @param started_in [String] the directory it was started in, by its shell's name
    def initialize(command, argv, started_in)
      @command = command
      @argv = argv
      @started_in = started_in
      @real = real_path(started_in)
      @load_path = load_path
      # Bundler knows its programs by their real path.
      @program = File.expand_path($PROGRAM_NAME, started_in)
    end

    # The words for Process.exec.
    def to_a
      return @command.split if @command

      program = [by_link(@program), @program].find { |path| File.exist?(path) } || @program
      [RbConfig.ruby, *@load_path.map { |path| "-I#{path}" }, program, *@argv]
    end

    private

    # Directories that were before RubyGems' and Ruby's own: those of the app (`ruby -Ilib app.rb`), and this library, where
    # it is no gem. A gem is found by RubyGems and Bundler, and by then perhaps in another version.
    def load_path
      gems = Gem.loaded_specs.each_value.flat_map(&:full_require_paths)
      first = $LOAD_PATH.take_while { |path| path != RbConfig::CONFIG["sitelibdir"] }.map(&:to_s) - gems
      own = first.select { |path| path.start_with?("#{@real}/") }.map { |path| by_link(path) }
      Gem.loaded_specs.key?("iodine-rs") ? own : [LIB, *own]
    end

    def by_link(path) = path.sub(/\A#{Regexp.escape(@real)}(?=\/)/) { @started_in }

    def real_path(directory)
      File.realpath(directory)
    rescue SystemCallError
      # A directory above may not be entered.
      directory
    end
  end
end
