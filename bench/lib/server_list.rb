# frozen_string_literal: true

require "open3"
require "shellwords"
require "yaml"

module Bench
  ROOT = File.expand_path("../..", __dir__)

  # How to start a server: an entry of a servers file.
  Server = Data.define(:name, :command, :version_command, :env, :needs, :scenarios) do
    def self.from_entry(name, entry)
      new(name:, command: entry.fetch("command"), version_command: entry["version"],
          env: (entry["env"] || {}).transform_values(&:to_s), needs: entry["needs"], scenarios: entry["scenarios"])
    end

    # Words first, values after: a path with a blank in it stays one argument.
    def arguments(**values) = command.shellsplit.map { |word| format(word, root: ROOT, workers: 0, **values) }

    def plays?(scenario) = scenarios.nil? || scenarios.include?(scenario.name)

    def installed?
      return true unless needs

      File.exist?(File.expand_path(needs, ROOT)) ||
        ENV.fetch("PATH", "").split(File::PATH_SEPARATOR).any? { |dir| File.executable?(File.join(dir, needs)) }
    end

    def version
      return "as built" unless version_command

      words = version_command.shellsplit.map { |word| format(word, root: ROOT) }
      output, = Open3.capture3(env, *words, chdir: ROOT)
      output[/\d+\.\d+\S*/] || output.lines.last.to_s.strip
    end
  end

  # The servers of bench/servers.yml, of the user's servers.local.yml and of files given by option.
  module ServerList
    FILES = %w[bench/servers.yml bench/servers.local.yml].map { |file| File.join(ROOT, file) }.freeze

    def self.read(more_files: [], names: nil)
      files = FILES.select { |file| File.exist?(file) } + more_files
      servers = files.map { |file| YAML.safe_load_file(file) || {} }.reduce({}, :merge)
                     .map { |name, entry| Server.from_entry(name, entry) }
      return servers.select(&:installed?) unless names

      names.map { |name| find(servers, name) }
    end

    def self.find(servers, name)
      server = servers.find { |candidate| candidate.name == name }
      raise ArgumentError, "no server #{name.inspect}; there are: #{servers.map(&:name).join(", ")}" unless server
      raise ArgumentError, "#{name} needs #{server.needs}, which is not there" unless server.installed?

      server
    end
    private_class_method :find
  end
end
