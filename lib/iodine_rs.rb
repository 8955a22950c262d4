# frozen_string_literal: true

# A Rack server whose HTTP runs in Rust, outside Ruby's global VM lock.
#
# Requiring it starts nothing: no thread, no signal handler, no look at ENV. Each part is loaded when it is first
# named, so that an app which only has the gem in its bundle does not pay for it.
module IodineRs
  autoload :VERSION, "iodine_rs/version"

  # Boot: from the command line to a running server.
  autoload :CLI, "iodine_rs/cli"
  autoload :Options, "iodine_rs/options"
  autoload :DSL, "iodine_rs/dsl"
  autoload :ConfigFile, "iodine_rs/config_file"
  autoload :Rackup, "iodine_rs/rackup"
  autoload :Launcher, "iodine_rs/launcher"
  autoload :Runner, "iodine_rs/runner"
  autoload :Single, "iodine_rs/single"
  autoload :Cluster, "iodine_rs/cluster"
  autoload :Hooks, "iodine_rs/hooks"
  autoload :Inbox, "iodine_rs/inbox"
  autoload :Signals, "iodine_rs/signals"
  autoload :Pidfile, "iodine_rs/pidfile"
  autoload :Privileges, "iodine_rs/privileges"
  autoload :StateFile, "iodine_rs/state_file"
  autoload :Redirect, "iodine_rs/redirect"
  autoload :ServiceManager, "iodine_rs/service_manager"
  autoload :RestartCommand, "iodine_rs/restart_command"
  autoload :RestartFile, "iodine_rs/restart_file"
  autoload :Idleness, "iodine_rs/idleness"
  autoload :Processors, "iodine_rs/processors"

  # The server: sockets, threads, the native core.
  autoload :Server, "iodine_rs/server"
  autoload :Bind, "iodine_rs/bind"
  autoload :TLS, "iodine_rs/tls"
  autoload :PasswordCommand, "iodine_rs/password_command"
  autoload :DevelopmentCertificate, "iodine_rs/development_certificate"
  autoload :Binder, "iodine_rs/binder"
  autoload :ThreadPool, "iodine_rs/thread_pool"
  autoload :PoolControl, "iodine_rs/pool_control"
  autoload :Native, "iodine_rs/native"
  autoload :Stream, "iodine_rs/native"
  autoload :Hijack, "iodine_rs/native"
  autoload :Addresses, "iodine_rs/addresses"
  autoload :EncryptedSocket, "iodine_rs/encrypted_socket"
  autoload :TLSAcceptor, "iodine_rs/native"
  autoload :TLSEngine, "iodine_rs/native"

  # Real time: upgraded connections, publish and subscribe, timers.
  autoload :Connection, "iodine_rs/connection"
  autoload :Websocket, "iodine_rs/websocket"
  autoload :PubSub, "iodine_rs/pub_sub"
  autoload :Subscription, "iodine_rs/subscription"
  autoload :Timers, "iodine_rs/timers"
  autoload :Life, "iodine_rs/life"

  # Watching it.
  autoload :Admin, "iodine_rs/admin"
  autoload :Ctl, "iodine_rs/ctl"
  autoload :Json, "iodine_rs/json"
  autoload :Memory, "iodine_rs/memory"
  autoload :ThreadBacktraces, "iodine_rs/thread_backtraces"

  # What the core calls, and what is printed.
  autoload :NullInput, "iodine_rs/null_input"
  autoload :CleanLocals, "iodine_rs/clean_locals"
  autoload :AccessLog, "iodine_rs/access_log"
  autoload :ErrorReporter, "iodine_rs/error_reporter"
  autoload :ErrorPage, "iodine_rs/error_page"
  autoload :Backtrace, "iodine_rs/backtrace"
  autoload :Log, "iodine_rs/log"
  autoload :Complaints, "iodine_rs/complaints"
  autoload :Monotonic, "iodine_rs/monotonic"

  autoload :RackHandler, "iodine_rs/rack_handler"
  autoload :Puma, "iodine_rs/puma"
end

require "iodine_rs/errors"
require "iodine_rs/api"
require "iodine_rs/railtie" if defined?(Rails::Railtie)
