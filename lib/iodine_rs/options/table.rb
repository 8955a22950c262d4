# frozen_string_literal: true

module IodineRs
  class Options
    # The methods Puma lets through by default.
    METHODS = %w[HEAD GET POST PUT DELETE OPTIONS TRACE PATCH QUERY].freeze

    # Every option there is. The command line, the configuration file, the documentation, `Server.new` and the native
    # core all read this table, and nothing else knows a default.
    TABLE = Registry.build do
      section "Process" do
        option(:binds, Type.binds, "port `PORT` or 9292 on all interfaces", "Addresses to listen on.",
               text: false) do |o|
          Bind.port(o.from_env("PORT") || Bind::DEFAULT_PORT)
        end
        option :bind_to_activated_sockets, Type.flag_or("only"), false,
               "Also listens on every socket that systemd has opened, or on these `only`. Those at an address that is asked " \
               "for are used in any case."
        option :app, Type.app.or_nil, nil, "The Rack app itself, instead of a rackup file.", text: false
        option :rackup, Type.text, "config.ru", "File with the app."
        option(:environment, Type.text, "`APP_ENV`, `RACK_ENV`, `RAILS_ENV` or development",
               "In `development` and `test` a page shows what the app raised; else the answer is empty.") do |o|
          o.from_env("APP_ENV", "RACK_ENV", "RAILS_ENV") || "development"
        end
        option :directory, Type.text.or_nil, nil, "Directory to change to before anything else."
        option :user, Type.text.or_nil, nil,
               "User that a server started as root becomes once it listens, before the app is loaded."
        option(:group, Type.text.or_nil, "that of the `user`", "Group instead of the user's own.") { nil }
        option :pidfile, Type.text.or_nil, nil, "File for the process id while the server runs."
        option(:tag, Type.text.or_nil, "name of the working directory", "Stands in the process title.") do
          File.basename(Dir.pwd)
        end
        option :state_path, Type.text.or_nil, nil, "File for the process id and others, in Puma's form; it stays."
        option :state_permission, Type.permission.or_nil, nil, "Its permissions."
        option :restart_command, Type.text.or_nil, nil, "Command of a hot restart, instead of the one that started the server."
        option :tmp_restart, Type.boolean, false, "Restarts when `tmp/restart.txt` is touched."
        option :raise_exception_on_sigterm, Type.boolean, true,
               "`false` ends with status 0 after TERM, instead of as killed by it."
        option(:force_shutdown_after, Type.patience, "forever",
               "How long a stopping server waits for requests; then it raises IodineRs::ForceShutdown in the app, and " \
               "answers with 503.") { nil }
        option :shutdown_grace_time, Type.seconds(zero: true), 5,
               "How long the app may take to end after that; then its threads are killed."
        option :shutdown_debug, Type.flag_or("on_force"), false,
               "Prints the backtraces of all threads when stopping begins, or `on_force` when `force_shutdown_after` is over."
        option :idle_timeout, Type.seconds.or_nil, nil,
               "Stops a server that has had no request, stream or upgraded connection for so long."
        option :redirect_stdout, Type.text.or_nil, nil, "File for the standard output; HUP opens it anew."
        option :redirect_stderr, Type.text.or_nil, nil, "File for the standard error; HUP opens it anew."
        option :redirect_append, Type.boolean, false, "Appends to these files."
        option(:log_formatter, Type.responder(:call, "a block").or_nil, nil, "Makes of a line what is printed.", text: false)
        option(:custom_logger, Type.responder(:write, "an object with the method write").or_nil, nil,
               "Gets the server's lines.", text: false)
        option(:lowlevel_error_handler, Type.responder(:call, "a block").or_nil, nil,
               "Answers what the app raised, and requests that are refused.", text: false)
        option :mutate_stdout_and_stderr_to_sync_on_write, Type.boolean, true, "Prints every line at once."
        option(:notes, Type.list("texts"), "none", "Lines for whoever starts the server.", text: false, merge: true) { [] }
        option(:plugins, Type.list("plugins"), "none", "What `plugin` has loaded.", text: false, merge: true) { [] }
        option :silent, Type.boolean, false, "Prints nothing to the standard output."
      end

      section "Access log" do
        option :log_requests, Type.boolean, false, "Prints a line for each request."
        option :access_log, Type.text.or_nil, nil,
               "File for these lines, instead of the standard output; it turns them on. HUP opens it anew."
        option :access_log_format, Type.log_format, "puma",
               "What a line looks like: see [Access log](deployment.md#access-log)."
        option :access_log_queue, Type.integer(1..10_000_000), 8192,
               "Lines that may wait to be written; more are dropped, and their number is told in the error log."
      end

      section "Cluster" do
        option(:workers, Type.workers, "`WEB_CONCURRENCY`, `WORKERS` or 0",
               "Worker processes; 0 serves from this process.") { |o| o.from_env("WEB_CONCURRENCY", "WORKERS") || 0 }
        option(:preload_app, Type.boolean, "`true` for more than one worker, without `prune_bundler`",
               "Loads the app once, before the workers are forked.") { |o| o[:workers] > 1 && !o[:prune_bundler] }
        option :prune_bundler, Type.boolean, false,
               "Each worker loads the app for itself, unless `preload_app` is set; gems change by a hot restart only.", text: false
        option :worker_check_interval, Type.seconds, 5, "How often a worker tells the master that it lives."
        option :worker_timeout, Type.seconds, 60, "Silence after which a worker is killed and replaced."
        option :worker_boot_timeout, Type.seconds, 60, "The same, until a worker serves."
        option :worker_shutdown_timeout, Type.seconds(zero: true), 30,
               "How long a worker may take to finish what has begun; then it is killed."
        option :worker_max_requests, Type.integer(1..).or_nil, nil,
               "Requests after which a worker is replaced; looked at every `worker_check_interval`."
        option :worker_max_rss, Type.size.or_nil, nil,
               "Memory (resident set) with which a worker is replaced; looked at every `worker_check_interval`."
        option :worker_recycle_jitter, Type.integer(0..100, "percent"), 20,
               "How far below these two a worker's own limits may be, by chance: so that workers are not replaced together."
        option(:redis, Type.text.or_nil, "`IODINE_RS_REDIS_URL`",
               "URL of a Redis or Valkey that brings publications to other servers.",
               secret: true) { |o| o.from_env("IODINE_RS_REDIS_URL") }
        option :max_relay, Type.integer(1.., "bytes"), 67_108_864,
               "Publications that may wait on their way to one other process; more are dropped, with a log line."
        option :silence_single_worker_warning, Type.boolean, false, "Says nothing about a cluster that has one worker."
        option :silence_fork_callback_warning, Type.boolean, false,
               "Says nothing about hooks that do not run because there are no workers."
        option(:hooks, Type.hooks, "none", "Blocks of the configuration file.", text: false, merge: true) { Hooks.new }
      end

      section "Watching" do
        option :control_url, Type.inner_address("auto").or_nil, nil,
               "Where `iodine-rs ctl` and others command the server; `auto` is a Unix socket in the temporary directory, " \
               "which `state_path` names."
        option(:control_token, Type.token, "random", "What they have to know; `none` asks for nothing.",
               secret: true) { Random.urandom(16).unpack1("H*") }
        option :control_umask, Type.permission.or_nil, nil, "For a Unix socket there, instead of the umask of the process."
        option :control_data_only, Type.boolean, false, "Figures there, but no commands."
        option :metrics, Type.inner_address.or_nil, nil, "Where figures for Prometheus are served."
      end

      section "Threads and queues", native: true do
        option(:min_threads, Type.integer(0..10_000), "`PUMA_MIN_THREADS`, `MIN_THREADS` or 0",
               "Threads kept when there is nothing to do.") do |o|
          o.from_env("PUMA_MIN_THREADS", "MIN_THREADS") || 0
        end
        option(:max_threads, Type.integer(1..10_000), "`PUMA_MAX_THREADS`, `MAX_THREADS`, `RAILS_MAX_THREADS`, `THREADS` or 5",
               "Threads that may be inside the app at once.") do |o|
          o.from_env("PUMA_MAX_THREADS", "MAX_THREADS", "RAILS_MAX_THREADS", "THREADS") || 5
        end
        option :thread_idle_timeout, Type.seconds, 30, "How long a thread above `min_threads` stays without work."
        option :max_streams, Type.integer(1..1_000_000), 1024,
               "Threads that may run a streaming body at once, beyond `max_threads`."
        option :stream_wait_timeout, Type.seconds(zero: true), 5,
               "How long a streaming body waits for one of `max_streams` before its request is answered with 503."
        option(:max_queue, Type.integer(1..10_000_000), "16 × `max_threads`, at least 128",
               "Complete requests that may wait for a thread.") do |o|
          [16 * o[:max_threads], 128].max
        end
        option :queue_timeout, Type.seconds(zero: true), 1,
               "How long a request tries to get a place in a full queue before it is answered with 503."
        option :time_slice, Type.seconds(zero: true), 0.005,
               "How long a request may compute while one waits from a client whose last ones did not; 0 = as long as Ruby lets it (100 ms)."
        option(:max_connections, Type.integer(1..10_000_000), "limit of open files − 128, at most 65536",
               "Connections open at once; more of them wait in the kernel.") do
          files, = Process.getrlimit(:NOFILE)
          [files - 128, files / 2].max.clamp(1, 65_536)
        end
        option :stream_buffer_size, Type.integer(1.., "bytes"), 262_144,
               "What one streaming body may be ahead of its client before its writer waits."
      end

      section "Timeouts", native: true do
        option :first_data_timeout, Type.seconds, 30, "Between two received pieces of a request."
        option :tls_handshake_timeout, Type.seconds, 10, "For a TLS handshake, from the connection on."
        option :header_timeout, Type.seconds, 60, "For a whole request head, however steadily it trickles."
        option(:persistent_timeout, Type.seconds, "`PUMA_PERSISTENT_TIMEOUT` or 65",
               "For the next request on an idle connection.") { |o| o.from_env("PUMA_PERSISTENT_TIMEOUT") || 65 }
        option :write_timeout, Type.seconds, 10, "For a client to accept the next byte of a response."
        option :linger_timeout, Type.seconds(zero: true), 2,
               "For a client to notice that its connection is being closed after an early answer."
        option :drain_idle_timeout, Type.seconds(zero: true), 0.3,
               "How long a stopping server waits for a request on an idle connection: it may be on its way."
        option :stream_shutdown_timeout, Type.seconds(zero: true), 8,
               "How long a stopping server waits for streaming bodies, and for requests left open with status -1, to end; then it cuts them off."
        option :transfer_shutdown_timeout, Type.seconds(zero: true), 20,
               "How long a stopping server waits for a slow client to send its request, and then to take the response; then it cuts it off."
        option :min_body_rate, Type.integer(0.., "bytes per second"), 500,
               "Average a request body has to reach after `first_data_timeout`; 0 accepts any."
      end

      section "Connections", native: true do
        option :drain_on_shutdown, Type.boolean, false,
               "A stopping server also serves the connections that the kernel has accepted for it already."
        option :enable_keep_alives, Type.boolean, true, "`false` closes every connection after one request."
        option :max_keep_alive, Type.integer(1..).or_nil("unlimited"), 999, "Requests on one connection."
      end

      section "Limits of a request", native: true do
        option :max_method_size, Type.integer(1.., "bytes"), 20, "Request method."
        option :max_path_size, Type.integer(1.., "bytes"), 8192, "Path of the target; more is answered with 414."
        option :max_query_size, Type.integer(1.., "bytes"), 10_240, "Query of the target; more is answered with 414."
        option :max_fragment_size, Type.integer(1.., "bytes"), 1024, "Fragment of the target."
        option :max_uri_size, Type.integer(1.., "bytes"), 12_288, "The whole target; more is answered with 414."
        option :max_header_name_size, Type.integer(1.., "bytes"), 256, "One header name."
        option :max_header_value_size, Type.integer(1.., "bytes"), 81_920, "One header value."
        option :max_header_count, Type.integer(1..), 1000, "Header lines; more are answered with 431."
        option :max_head_size, Type.integer(1.., "bytes"), 114_688,
               "Request line and headers together; more is answered with 431."
        option :http_content_length_limit, Type.integer(0.., "bytes").or_nil, nil,
               "Body of a request, also of a chunked one; more is answered with 413."
        option :max_chunk_line_size, Type.integer(1.., "bytes"), 4096, "Size line of one chunk, with its extensions."
        option :max_chunk_extensions_size, Type.integer(0.., "bytes"), 16_384, "All chunk extensions of one body."
        option :body_memory_limit, Type.integer(0.., "bytes"), 114_688,
               "Body kept in memory; a larger one goes to a file."
        # A container may have no directory to write to, and an app that gets no large bodies needs none.
        option(:spool_dir, Type.directory, "the system's directory for temporary files",
               "Where request bodies above `body_memory_limit` are stored while they are in use.", trusted: true) do
          require "etc"
          # What `Dir.tmpdir` comes to as a rule. It loads FileUtils, which would be a twentieth of the boot.
          usual = ENV.values_at("TMPDIR", "TMP", "TEMP").none? && File.writable?(Etc.systmpdir) && File.sticky?(Etc.systmpdir)
          next Etc.systmpdir if usual

          require "tmpdir"
          Dir.tmpdir
        rescue ArgumentError
          Etc.systmpdir
        end
      end

      section "WebSocket and server-sent events", native: true do
        option :max_message_size, Type.integer(1.., "bytes"), 1_048_576,
               "One message from a client; more is answered with Close 1009."
        option :max_outgoing, Type.integer(1.., "bytes"), 8_388_608,
               "What may wait for a client that does not read; more closes it with 1013."
        option :max_publications, Type.integer(1..), 16_384,
               "Publications that may wait for the blocks of one connection's subscriptions; more closes it with 1013."
        option :ping_interval, Type.integer(0..255, "seconds"), 40,
               "Silence of a client before it is pinged; it is closed after as long again without an answer. 0: never."
        option :message_timeout, Type.seconds, 60,
               "For one message from a client, from its first byte to its last; longer where it comes at `min_body_rate`. " \
               "A slower one is answered with Close 1008."
        option :close_timeout, Type.seconds, 5, "For a client to answer a Close frame."
        option :client_shutdown_timeout, Type.seconds, 8,
               "How long a stopping server waits for upgraded connections to end."
        option :allowed_origins, Type.origins, ["same"],
               "Whose pages may open a WebSocket: `same` (as `Host`), `any`, or a list of origins " \
               "(`https://*.example.com` covers subdomains)."
      end

      section "Files", native: true do
        option :public, Type.text.or_nil, nil,
               "Directory of files that are served before the app is asked; `static` is another word for it."
        option :public_max_age, Type.integer(0..31_536_000, "seconds").or_nil, nil,
               "How long a client may keep a public file without asking again (`Cache-Control`)."
        option(:sendfile_roots, Type.paths, "`public`",
               "Directories of the files that the app may name with `X-Sendfile` or `X-Accel-Redirect`; without any, " \
               "these headers go out to whoever stands in front.") { |o| [*o[:public]] }
      end

      section "What the app sees", native: true do
        option :supported_http_methods, Type.methods_list.or_nil("any"), METHODS,
               "Methods that reach the app; others are answered with 501."
        option :remote_address, Type.remote_address, "socket",
               "Where `REMOTE_ADDR` comes from: `socket`, `header:NAME` (of a proxy; the socket where it is missing), " \
               "`proxy_protocol:v1` or `v2` (of a proxy before each connection; the socket where it is missing), or an address " \
               "that is the same for all."
        option :allow_underscore_headers, Type.boolean, true,
               "`false` drops headers with an underscore in their name, which look like others in the env."
        option :rack_url_scheme, Type.word("http", "https").or_nil, nil,
               "Value of `rack.url_scheme`, whatever the connection and its headers say."
        option(:script_name, Type.mount_point, "`SCRIPT_NAME` or empty", "Value of `SCRIPT_NAME`.") do |o|
          o.from_env("SCRIPT_NAME") || ""
        end
        option :early_hints, Type.boolean, false, "Gives the app `rack.early_hints`, which sends a 103."
        option(:fiber_per_request, Type.boolean, "`PUMA_FIBER_PER_REQUEST` or false",
               "Clears what earlier requests have left in `Thread.current[]` and `Fiber[]`.", native: false) do |o|
          !o.from_env("PUMA_FIBER_PER_REQUEST").nil?
        end
      end
    end
  end
end
