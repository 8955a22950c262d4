# frozen_string_literal: true

module IodineRs
  # The file in Puma's form that tells other programs about the running server. It stays when the server stops.
  class StateFile
    # @param path [String, nil] nil writes nothing
    # @param permission [Integer, nil]
    def initialize(path, permission = nil)
      @path = path && File.expand_path(path)
      @permission = permission
    end

    def write
      return unless @path

      File.write(@path, "---\npid: #{Process.pid}\ncontrol_url: \ncontrol_auth_token: \nrunning_from: #{Dir.pwd.dump}\n")
      File.chmod(@permission, @path) if @permission
    rescue SystemCallError => error
      raise BootError, "cannot write the state file: #{error.message}"
    end
  end
end
