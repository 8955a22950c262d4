# frozen_string_literal: true

module IodineRs
  # tmp/restart.txt, whose touch restarts the server (`bin/rails restart`, Passenger's custom).
  class RestartFile
    PATH = "tmp/restart.txt"
    # Seconds between two looks.
    INTERVAL = 2

    def initialize
      @path = File.expand_path(PATH)
      @seen = mtime
    end

    # Whether it has been touched since the last look.
    def touched?
      now = mtime
      touched = !now.nil? && now != @seen
      @seen = now
      touched
    end

    private

    def mtime
      File.mtime(@path)
    rescue SystemCallError
      # Not there, or out of reach: for the user that the server has become, for instance.
      nil
    end
  end
end
