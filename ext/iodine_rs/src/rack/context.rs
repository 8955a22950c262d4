//! What all requests of a server share on the Ruby side.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use iodine_core::handoff::Refused;
use iodine_core::http::refusal::Kind;
use iodine_core::realtime::Realtime;
use iodine_core::settings::Settings;
use magnus::gc::Marker;
use magnus::value::{Opaque, ReprValue};
use magnus::{Error, Ruby, Value};

use super::env::{LastAuthority, Template, before_3_1};
use crate::fork;
use crate::raised::{self, Caught};
use crate::settings::Reader;

/// See the module.
pub(crate) struct Context {
    /// The Rack app.
    pub(crate) app: Opaque<Value>,
    pub(super) template: Template,
    pub(super) last_authority: LastAuthority,
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
    /// The app may name a file to be sent in place of its body.
    pub(super) names_files: bool,
    pub(super) stream_buffer_size: usize,
    /// How long a hijack waits for its socket: the responses before it have to be written first.
    pub(super) release_limit: Duration,
    /// What upgraded connections share, once the server has started.
    pub(crate) realtime: OnceCell<Arc<Realtime>>,
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
            template: Template::new(ruby, reader, settings, null_input, &remote_address)?,
            last_authority: LastAuthority::new(),
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
            names_files: !settings.files.sendfile_roots.is_empty(),
            stream_buffer_size: settings.stream_buffer_size,
            release_limit: settings.timeouts.write,
            realtime: OnceCell::new(),
            forks: fork::generation(),
        })
    }

    pub(crate) fn mark(&self, marker: &Marker) {
        marker.mark(self.app);
        self.template.mark(marker);
        self.last_authority.mark(marker);
        marker.mark(self.error_handler);
        marker.mark(self.refusal_handler);
        marker.mark(self.error_logger);
        marker.mark(self.out_of_band);
        marker.mark(self.null_input);
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

    /// Asks Ruby to log an error that it does not answer, or that the thread was killed; not at the end of the program, when
    /// Ruby kills all of them.
    ///
    /// # Errors
    /// Only a kill: a logger that raises has nobody to tell.
    pub(crate) fn log_error(&self, ruby: &Ruby, error: &Error, env: Value, place: &str) -> Result<(), Error> {
        let exception = match raised::exception(error) {
            None if program_ends(ruby) => None,
            None => raised::exception(&raised::app_error(ruby, "its thread was killed")),
            exception => exception,
        };
        if let Some(exception) = exception {
            let logger = ruby.get_inner(self.error_logger);
            logger.funcall::<_, _, Value>("call", (exception, env, place)).or_none()?;
        }
        Ok(())
    }

    /// Tells the operator something that Ruby knows nothing of. Never waits: the GVL is held, and a client may be the cause.
    pub(crate) fn log(&self, line: &str) {
        if let Some(realtime) = self.realtime.get() {
            realtime.log().line(line);
        }
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

/// Whether the main thread has ended.
fn program_ends(ruby: &Ruby) -> bool {
    let main: Result<Value, Error> = ruby.class_thread().funcall("main", ());
    main.and_then(|main| main.funcall("alive?", ())).is_ok_and(|alive: bool| !alive)
}
