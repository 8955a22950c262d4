//! Ruby's complete Hash of settings as the core's struct. Ruby has checked the values (`lib/iodine_rs/options.rb`); an
//! error here is a mistake of ours, and names the key.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::rack::RemoteAddress;
use crate::{allocator, descriptor, raised};
use iodine_core::settings::{
    AccessLogSettings, AllowedOrigins, FilesSettings, Format, Limits, Lock, Pool, ProxyProtocol, RealtimeSettings,
    Remote, Settings, Target, Timeouts,
};
use magnus::{Error, RHash, RString, Ruby, TryConvert, Value, value::ReprValue};

/// Reads values by key.
pub(crate) struct Reader<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(ruby: &'a Ruby, hash: RHash) -> Reader<'a> {
        Reader { ruby, hash }
    }

    /// The value of `key`; `nil` counts where `T` is an `Option`.
    pub(crate) fn get<T: TryConvert>(&self, key: &str) -> Result<T, Error> {
        let value: Value = self.hash.fetch(self.ruby.to_symbol(key)).map_err(|_| self.wrong(key, "is missing"))?;
        T::try_convert(value).map_err(|error| self.wrong(key, &format!("is {}: {error}", value.inspect())))
    }

    fn seconds(&self, key: &str) -> Result<Duration, Error> {
        let seconds: f64 = self.get(key)?;
        Duration::try_from_secs_f64(seconds).map_err(|error| self.wrong(key, &error.to_string()))
    }

    pub(crate) fn wrong(&self, key: &str, what: &str) -> Error {
        raised::error(self.ruby.exception_arg_error(), &format!("setting {key} {what}"))
    }
}

/// The core's part of the settings.
pub(crate) fn read(reader: &Reader<'_>) -> Result<Settings, Error> {
    Ok(Settings {
        tidy: allocator::tidy,
        refusals_to_app: !reader.get::<Value>("refusal_handler")?.is_nil(),
        pool: pool(reader)?,
        timeouts: timeouts(reader)?,
        limits: limits(reader)?,
        max_connections: reader.get("max_connections")?,
        max_keep_alive: reader.get("max_keep_alive")?,
        enable_keep_alives: reader.get("enable_keep_alives")?,
        supported_http_methods: reader.get("supported_http_methods")?,
        cluster: reader.get("multiprocess")?,
        proxy_protocol: proxy_protocol(&reader.get::<String>("remote_address")?),
        drain_on_shutdown: reader.get("drain_on_shutdown")?,
        spool_dir: PathBuf::from(reader.get::<String>("spool_dir")?),
        stream_buffer_size: reader.get("stream_buffer_size")?,
        realtime: realtime(reader)?,
        files: files(reader)?,
        access_log: access_log(reader)?,
    })
}

fn proxy_protocol(remote_address: &str) -> Option<ProxyProtocol> {
    match remote_address {
        "proxy_protocol:v1" => Some(ProxyProtocol::V1),
        "proxy_protocol:v2" => Some(ProxyProtocol::V2),
        _ => None,
    }
}

/// `access_log_target`: nil for none, the path of a file, or the descriptor of a pipe; 1 is the standard output, whatever
/// is behind it at the moment.
fn access_log(reader: &Reader<'_>) -> Result<Option<AccessLogSettings>, Error> {
    let target: Value = reader.get("access_log_target")?;
    let target = match RString::from_value(target) {
        _ if target.is_nil() => return Ok(None),
        Some(path) => Target::File(PathBuf::from(path.to_string()?)),
        None => match RawFd::try_convert(target)? {
            1 => Target::Stdout,
            fd => {
                let pipe = descriptor::duplicate(fd);
                Target::Pipe(Arc::new(pipe.map_err(|error| reader.wrong("access_log_target", &error.to_string()))?))
            }
        },
    };
    let format = Format::parse(&reader.get::<String>("access_log_format")?)
        .map_err(|mistake| reader.wrong("access_log_format", &mistake.0))?;
    let remote = match RemoteAddress::read(reader)? {
        RemoteAddress::Socket => Remote::Socket,
        RemoteAddress::Fixed => Remote::Fixed(reader.get("remote_address")?),
        RemoteAddress::Field(name) => Remote::Field(name),
    };
    Ok(Some(AccessLogSettings { format, target, queue: reader.get("access_log_queue")?, remote }))
}

fn files(reader: &Reader<'_>) -> Result<FilesSettings, Error> {
    Ok(FilesSettings {
        public: reader.get::<Option<String>>("public")?.map(PathBuf::from),
        sendfile_roots: reader.get::<Vec<String>>("sendfile_roots")?.into_iter().map(PathBuf::from).collect(),
        max_age: reader.get("public_max_age")?,
    })
}

fn realtime(reader: &Reader<'_>) -> Result<RealtimeSettings, Error> {
    Ok(RealtimeSettings {
        max_message_size: reader.get("max_message_size")?,
        max_outgoing: reader.get("max_outgoing")?,
        max_publications: reader.get("max_publications")?,
        ping_interval: reader.get("ping_interval")?,
        message_timeout: reader.seconds("message_timeout")?,
        min_rate: reader.get("min_body_rate")?,
        close_timeout: reader.seconds("close_timeout")?,
        shutdown_timeout: reader.seconds("client_shutdown_timeout")?,
        allowed_origins: allowed_origins(reader.get("allowed_origins")?),
    })
}

fn allowed_origins(origins: Vec<String>) -> AllowedOrigins {
    match origins.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["same"] => AllowedOrigins::Same,
        ["any"] => AllowedOrigins::Any,
        _ => AllowedOrigins::List(origins),
    }
}

fn pool(reader: &Reader<'_>) -> Result<Pool, Error> {
    Ok(Pool {
        min_threads: reader.get("min_threads")?,
        max_threads: reader.get("max_threads")?,
        thread_idle_timeout: reader.seconds("thread_idle_timeout")?,
        max_streams: reader.get("max_streams")?,
        stream_wait_timeout: reader.seconds("stream_wait_timeout")?,
        max_queue: reader.get("max_queue")?,
        queue_timeout: reader.seconds("queue_timeout")?,
        time_slice: reader.seconds("time_slice")?,
        lock: lock(),
    })
}

#[cfg(ruby_gte_3_3)]
fn lock() -> Lock {
    Lock { lend: crate::lending::request, is_lent: crate::lending::is_lent }
}

#[cfg(not(ruby_gte_3_3))]
fn lock() -> Lock {
    Lock::default()
}

fn timeouts(reader: &Reader<'_>) -> Result<Timeouts, Error> {
    Ok(Timeouts {
        first_data: reader.seconds("first_data_timeout")?,
        tls_handshake: reader.seconds("tls_handshake_timeout")?,
        header: reader.seconds("header_timeout")?,
        persistent: reader.seconds("persistent_timeout")?,
        write: reader.seconds("write_timeout")?,
        drain_idle: reader.seconds("drain_idle_timeout")?,
        linger: reader.seconds("linger_timeout")?,
        stream_shutdown: reader.seconds("stream_shutdown_timeout")?,
        transfer_shutdown: reader.seconds("transfer_shutdown_timeout")?,
    })
}

fn limits(reader: &Reader<'_>) -> Result<Limits, Error> {
    Ok(Limits {
        path: reader.get("max_path_size")?,
        uri: reader.get("max_uri_size")?,
        query: reader.get("max_query_size")?,
        fragment: reader.get("max_fragment_size")?,
        header_name: reader.get("max_header_name_size")?,
        header_value: reader.get("max_header_value_size")?,
        head: reader.get("max_head_size")?,
        header_count: reader.get("max_header_count")?,
        method: reader.get("max_method_size")?,
        chunk_line: reader.get("max_chunk_line_size")?,
        chunk_extensions: reader.get("max_chunk_extensions_size")?,
        body_memory: reader.get("body_memory_limit")?,
        content_length: reader.get("http_content_length_limit")?,
        min_body_rate: reader.get("min_body_rate")?,
    })
}
