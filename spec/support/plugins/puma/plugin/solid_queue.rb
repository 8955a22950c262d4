# frozen_string_literal: true

require "puma/plugin"

# Stands in for the plugin that solid_queue publishes: the same calls at the same moments, around a supervisor that only
# writes down what happens to it.
module Puma
  class DSL
    def solid_queue_mode(mode = :fork) = @options[:solid_queue_mode] = mode.to_sym
  end
end

Puma::Plugin.create do
  attr_reader :server_pid, :supervisor_pid

  def start(launcher)
    @log_writer = launcher.log_writer
    @server_pid = $$
    return start_async(launcher) if launcher.options[:solid_queue_mode] == :async

    in_background { watch("supervisor gone, stopping the server") { supervisor_gone? } }
    booted, stopped, restarted = words
    launcher.events.public_send(booted) { @supervisor_pid = fork { supervise } }
    [stopped, restarted].each { |word| launcher.events.public_send(word) { stop_supervisor } }
  end

  private

  def words
    return %i[on_booted on_stopped on_restart] if Gem::Version.new(Puma::Const::VERSION) < Gem::Version.new("7")

    %i[after_booted after_stopped before_restart]
  end

  def start_async(launcher)
    launcher.events.after_booted { log("async supervisor in #{$$}") }
    launcher.events.after_stopped { log("async supervisor stopped") }
  end

  # In the forked process.
  def supervise
    Thread.new { watch("server gone, stopping the supervisor") { Process.ppid != server_pid } }
    queue = Thread::Queue.new
    trap(:INT) { queue << :stop }
    log("supervisor #{$$} of #{Process.ppid} begins")
    queue.pop
    log("supervisor #{$$} ends")
  end

  def stop_supervisor
    return unless supervisor_pid

    Process.waitpid(supervisor_pid, Process::WNOHANG)
    log("Stopping the supervisor...")
    Process.kill(:INT, supervisor_pid)
    Process.wait(supervisor_pid)
  rescue Errno::ECHILD, Errno::ESRCH
    # It has ended by itself.
  end

  def supervisor_gone?
    Process.waitpid(supervisor_pid, Process::WNOHANG) if supervisor_pid
    false
  rescue Errno::ECHILD, Errno::ESRCH
    true
  end

  def watch(message)
    sleep 0.1 until yield
    log(message)
    Process.kill(:INT, $$)
  end

  def log(...) = @log_writer.log(...)
end
