# frozen_string_literal: true

module IodineRs
  # The file in Puma's form that tells other programs about the running server. It stays when the server stops.
  class StateFile
    # What it holds of others' interest.
    FIELDS = %w[pid control_url control_auth_token running_from].freeze
    # Permissions where it holds a token and nothing else was asked for.
    SECRET = 0o600
    private_constant :SECRET

    # What a file says.
    #
    # @return [Hash{String => String, nil}] by FIELDS
    # @raise [SystemCallError]
    def self.read(path)
      pairs = File.readlines(path, chomp: true, mode: "rb").filter_map { |line| line.split(": ", 2) if line.include?(": ") }
      pairs.to_h.slice(*FIELDS).transform_values { |value| value.delete_prefix('"').delete_suffix('"') }.reject { |_, value| value.empty? }
    end

    # @param path [String, nil] nil writes nothing
    # @param permission [Integer, nil]
    def initialize(path, permission = nil)
      @path = path && File.expand_path(path)
      @permission = permission
    end

    # @param control_url [String, nil] where the control app listens
    # @param token [String, nil] what it asks for
    # @raise [BootError]
    def write(control_url: nil, token: nil)
      return unless @path

      permission = @permission || (SECRET if token)
      File.open(@path, "w", *permission) do |file|
        # One from an earlier run keeps the permissions it had.
        file.chmod(permission) if permission
        file.write("---\npid: #{Process.pid}\ncontrol_url: #{control_url}\ncontrol_auth_token: #{token}\n" \
                   "running_from: #{Dir.pwd.dump}\n")
      end
    rescue SystemCallError => error
      raise BootError, "cannot write the state file: #{error.message}"
    end
  end
end
