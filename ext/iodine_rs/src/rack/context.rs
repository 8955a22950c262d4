//! What all requests of a server share on the Ruby side.

use std::time::Duration;

use http::HeaderName;
use iodine_core::handoff::Refused;
use iodine_core::http::refusal::Kind;
use iodine_core::settings::Settings;
use magnus::gc::Marker;
use magnus::r_hash::ForEach;
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::value::{Opaque, ReprValue};
use magnus::{Error, IntoValue, RHash, Ruby, Value};
use rb_sys::VALUE;

use super::env::place_keys;
use crate::fork;
use crate::keys::keys;
use crate::raised::{self, Caught};
use crate::settings::Reader;

/// See the module.
pub(crate) struct Context {
    /// The Rack app.
    pub(crate) app: Opaque<Value>,
    /// The env of an imaginary request: everything that is the same in all of them.
    template: Opaque<RHash>,
    error_handler: Opaque<Value>,
    /// Called about requests that were refused; nil where the app does not want to know.
    refusal_handler: Opaque<Value>,
    error_logger: Opaque<Value>,
    /// Called when no request is in flight; nil where the app does not want to know.
    out_of_band: Opaque<Value>,
    pub(super) null_input: Opaque<Value>,
    /// `rack_url_scheme` is set: what a proxy says does not count.
    pub(super) forced_scheme: bool,
    /// `HTTP_VERSION` is set for Rack before 3.1.
    pub(super) http_version: bool,
    pub(super) remote_address: RemoteAddress,
    pub(super) early_hints: bool,
    pub(super) underscore_headers: bool,
    pub(super) stream_buffer_size: usize,
    /// How long a hijack waits for its socket: the responses before it have to be written first.
    pub(super) release_limit: Duration,
    /// See [`fork`].
    pub(crate) forks: u64,
}

/// Where `REMOTE_ADDR` comes from.
pub(crate) enum RemoteAddress {
    /// The client's end of the socket.
    Socket,
    /// The same for all: the template has it.
    Fixed,
    /// A field that a proxy sets; the socket where it is missing.
    Field(HeaderName),
}

impl Context {
    pub(crate) fn new(ruby: &Ruby, app: Value, reader: &Reader<'_>, settings: &Settings) -> Result<Context, Error> {
        let null_input: Value = reader.get("null_input")?;
        let rack_version: String = reader.get("rack_version")?;
        let remote_address = RemoteAddress::read(reader)?;
        Ok(Context {
            app: app.into(),
            template: template(ruby, reader, settings, null_input, &remote_address)?.into(),
            error_handler: reader.get::<Value>("error_handler")?.into(),
            refusal_handler: reader.get::<Value>("refusal_handler")?.into(),
            error_logger: reader.get::<Value>("error_logger")?.into(),
            out_of_band: reader.get::<Value>("out_of_band")?.into(),
            null_input: null_input.into(),
            forced_scheme: reader.get::<Option<String>>("rack_url_scheme")?.is_some(),
            http_version: before_3_1(&rack_version),
            remote_address,
            early_hints: reader.get("early_hints")?,
            underscore_headers: reader.get("allow_underscore_headers")?,
            stream_buffer_size: settings.stream_buffer_size,
            release_limit: settings.timeouts.write,
            forks: fork::generation(),
        })
    }

    pub(crate) fn mark(&self, marker: &Marker) {
        marker.mark(self.app);
        marker.mark(self.template);
        marker.mark(self.error_handler);
        marker.mark(self.refusal_handler);
        marker.mark(self.error_logger);
        marker.mark(self.out_of_band);
        marker.mark(self.null_input);
    }

    pub(super) fn template(&self, ruby: &Ruby) -> VALUE {
        ruby.get_inner(self.template).as_raw()
    }

    /// Asks Ruby to log an application error and to say what the client gets: a triplet.
    pub(super) fn handle_error(&self, ruby: &Ruby, error: Value, env: Value, status: u16) -> Result<Value, Error> {
        ruby.get_inner(self.error_handler).funcall("call", (error, env, status))
    }

    /// Asks Ruby what to answer to a request that was refused: a triplet.
    pub(super) fn handle_refusal(&self, ruby: &Ruby, refused: &Refused, env: Value) -> Result<Value, Error> {
        let kind = ruby.to_symbol(match refused.kind {
            Kind::Failure => "read",
            Kind::Handshake => "tls",
            _ => "parse",
        });
        let (status, why) = (refused.status.as_u16(), refused.why.as_ref());
        ruby.get_inner(self.refusal_handler).funcall("call", (kind, why, env, status))
    }

    /// What is to be called when no request is in flight.
    pub(crate) fn out_of_band(&self, ruby: &Ruby) -> Option<Value> {
        Some(ruby.get_inner(self.out_of_band)).filter(|hook| !hook.is_nil())
    }

    /// Asks Ruby to log an error that it does not answer, or that the thread was killed.
    ///
    /// # Errors
    /// Only a kill: a logger that raises has nobody to tell.
    pub(crate) fn log_error(&self, ruby: &Ruby, error: &Error, env: Value, place: &str) -> Result<(), Error> {
        let killed = raised::exception(error).is_none().then(|| raised::app_error(ruby, "its thread was killed"));
        if let Some(exception) = raised::exception(killed.as_ref().unwrap_or(error)) {
            let logger = ruby.get_inner(self.error_logger);
            logger.funcall::<_, _, Value>("call", (exception, env, place)).or_none()?;
        }
        Ok(())
    }

    /// Tells the operator something that Ruby knows nothing of.
    pub(crate) fn log(&self, line: &str) {
        eprintln!("{line}");
    }
}

/// How Ruby spells the sources of the remote address that are no addresses.
const SOCKET: &str = "socket";
const FIELD: &str = "header:";
const PROXY: &str = "proxy_protocol:";

impl RemoteAddress {
    /// By the setting `remote_address`.
    pub(crate) fn read(reader: &Reader<'_>) -> Result<RemoteAddress, Error> {
        let text: String = reader.get("remote_address")?;
        match text.strip_prefix(FIELD) {
            Some(name) => HeaderName::try_from(name)
                .map(RemoteAddress::Field)
                .map_err(|error| reader.wrong("remote_address", &error.to_string())),
            // The core gives it with each request.
            None if text == SOCKET || text.starts_with(PROXY) => Ok(RemoteAddress::Socket),
            None => Ok(RemoteAddress::Fixed),
        }
    }
}

fn before_3_1(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < (3, 1)
}

fn template(
    ruby: &Ruby,
    reader: &Reader<'_>,
    settings: &Settings,
    null_input: Value,
    remote_address: &RemoteAddress,
) -> Result<RHash, Error> {
    let keys = keys();
    // SAFETY: the table's Strings live for ever.
    let key = |value: VALUE| unsafe { Value::from_raw(value) };
    let version = ruby.ary_new_from_values(&[1_i64.into_value_with(ruby), 6_i64.into_value_with(ruby)]);
    version.freeze();
    let env = ruby.hash_new();
    // First of all: see `Places::write`.
    for place in place_keys() {
        env.aset(key(place), ())?;
    }
    // The common case of what a request may replace.
    let scheme: Option<String> = reader.get("rack_url_scheme")?;
    let port = if scheme.as_deref() == Some("https") { keys.port_443 } else { keys.port_80 };
    env.aset(key(keys.url_scheme), frozen(ruby, scheme.as_deref().unwrap_or("http")))?;
    env.aset(key(keys.server_port), key(port))?;
    env.aset(key(keys.server_name), key(keys.localhost))?;
    env.aset(key(keys.remote_addr), key(keys.loopback))?;
    if matches!(remote_address, RemoteAddress::Fixed) {
        env.aset(key(keys.remote_addr), frozen(ruby, &reader.get::<String>("remote_address")?))?;
    }
    env.aset(key(keys.request_method), key(keys.get))?;
    env.aset(key(keys.query_string), key(keys.empty))?;
    env.aset(key(keys.server_protocol), key(keys.http_11))?;
    if before_3_1(&reader.get::<String>("rack_version")?) {
        env.aset(key(keys.http_version), key(keys.http_11))?;
    }
    env.aset(key(keys.version), version)?;
    env.aset(key(keys.errors), reader.get::<Value>("errors_io")?)?;
    env.aset(key(keys.multithread), settings.pool.max_threads > 1)?;
    env.aset(key(keys.multiprocess), reader.get::<bool>("multiprocess")?)?;
    env.aset(key(keys.run_once), false)?;
    env.aset(key(keys.hijack_p), true)?;
    env.aset(key(keys.script_name), frozen(ruby, &reader.get::<String>("script_name")?))?;
    env.aset(key(keys.server_software), frozen(ruby, &reader.get::<String>("software")?))?;
    env.aset(key(keys.gateway_interface), key(keys.cgi))?;
    env.aset(key(keys.input), null_input)?;
    env.aset(key(keys.body_wait), 0.0)?;
    // Drop-in row E-31: what it asks Puma for (max_io_threads) goes without saying here.
    env.aset(key(keys.io_bound), ruby.proc_from_fn(|_ruby, _arguments, _block| ()))?;
    for place in [keys.rack_upgrade_p, keys.rack_upgrade, keys.websocket_p, keys.websocket] {
        env.aset(key(place), ())?;
    }
    // What Ruby wants every request to have.
    reader.get::<RHash>("env")?.foreach(|name: Value, value: Value| {
        env.aset(name, value)?;
        Ok(ForEach::Continue)
    })?;
    Ok(env)
}

fn frozen(ruby: &Ruby, text: &str) -> Value {
    let string = ruby.str_new(text);
    string.freeze();
    string.as_value()
}
