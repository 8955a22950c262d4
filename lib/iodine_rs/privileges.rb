# frozen_string_literal: true

require "etc"

module IodineRs
  # The user that a server which was started as root becomes, once it listens. The app is loaded afterwards: nothing of it
  # ever runs as root, and there is no way back.
  class Privileges
    # @raise [ConfigError] for a user or a group that does not exist, or where this process is not root
    def initialize(options)
      name, group = options[:user], options[:group]
      raise ConfigError, "group: it goes with `user`, which is missing" if group && !name
      return unless name

      @user = find("user", name) { |id| id.is_a?(Integer) ? Etc.getpwuid(id) : Etc.getpwnam(id) }
      @gid = group ? find("group", group) { |id| id.is_a?(Integer) ? Etc.getgrgid(id) : Etc.getgrnam(id) }.gid : @user.gid
      return if Process.euid.zero? || current?

      raise ConfigError, "user: only root can become #{name}; start the server as root, or leave `user` out"
    end

    # Whether there is a user to become. After a hot restart the process is that user already.
    def any? = !@user.nil? && !current?

    # Gives files that will be written to the user, where the user could not create them: in directories that are root's
    # alone. Elsewhere root touches nothing, because the user (or somebody else) may have put a link there.
    #
    # @param paths [Array<String>]
    def hand_over(paths)
      paths.select { |path| roots_alone?(File.dirname(File.expand_path(path))) }.each do |path|
        File.open(path, File::WRONLY | File::CREAT | File::NOFOLLOW, 0o644) { |file| file.chown(@user.uid, @gid) }
      end
    rescue SystemCallError => error
      raise BootError, "cannot give a file to the user #{@user.name}: #{error.message}"
    end

    # The same with sockets that have just been made.
    def hand_over_sockets(paths) = File.lchown(@user.uid, @gid, *paths)

    # Becomes the user, with the groups of that user, and returns a line about it.
    def drop
      Process.initgroups(@user.name, @gid)
      Process::GID.change_privilege(@gid)
      Process::UID.change_privilege(@user.uid)
      ENV.update("HOME" => @user.dir, "USER" => @user.name, "LOGNAME" => @user.name)
      "* Running as #{@user.name}, group #{@gid}"
    rescue SystemCallError => error
      raise BootError, "cannot become the user #{@user.name}: #{error.message}"
    end

    private

    def current? = [Process.uid, Process.euid] == [@user.uid, @user.uid]

    def find(option, name)
      yield(Integer(name, 10, exception: false) || name)
    rescue ArgumentError
      raise ConfigError, "#{option}: the system knows none of the name #{name}"
    end

    # Whether nobody else can change what this path leads to.
    def roots_alone?(directory)
      return false unless File.exist?(directory) && File.realpath(directory) == directory

      require "pathname"
      Pathname.new(directory).ascend.all? { |step| step.stat.uid.zero? && step.stat.mode.nobits?(0o022) }
    end
  end
end
