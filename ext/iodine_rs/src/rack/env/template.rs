//! The env of an imaginary request: everything that is the same in all of them. A request's env begins as a copy of it.

use iodine_core::settings::Settings;
use magnus::gc::Marker;
use magnus::r_hash::ForEach;
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::value::{Opaque, ReprValue};
use magnus::{Error, IntoValue, RHash, Ruby, Value};
use rb_sys::VALUE;

use super::places::place_keys;
use crate::keys::keys;
use crate::rack::context::RemoteAddress;
use crate::settings::Reader;

/// Most entries of a Hash whose table has room for 32, and a number for which Ruby makes room for 64 (st.c: powers of two).
const COMPACT: usize = 32;
const ROOMY: usize = 63;

/// The same entries twice, in tables of different sizes: a copy has the room of what it was copied from. Room that a small
/// request does not need is copied and collected for nothing; to make room for a browser's fields costs more than that.
pub(in crate::rack) struct Template {
    compact: Opaque<RHash>,
    roomy: Opaque<RHash>,
    len: usize,
}

impl Template {
    pub(in crate::rack) fn new(
        ruby: &Ruby,
        reader: &Reader<'_>,
        settings: &Settings,
        null_input: Value,
        remote_address: &RemoteAddress,
    ) -> Result<Template, Error> {
        let (compact, roomy) = (ruby.hash_new(), ruby.hash_new_capa(ROOMY));
        fill(compact, ruby, reader, settings, null_input, remote_address)?;
        roomy.update(compact)?;
        Ok(Template { compact: compact.into(), roomy: roomy.into(), len: compact.len() })
    }

    /// The one for a request with as many fields. One of them is Host, whose entry is there already.
    pub(super) fn with_room_for(&self, ruby: &Ruby, fields: usize) -> VALUE {
        let template = if self.len + fields <= COMPACT + 1 { self.compact } else { self.roomy };
        ruby.get_inner(template).as_raw()
    }

    pub(in crate::rack) fn mark(&self, marker: &Marker) {
        marker.mark(self.compact);
        marker.mark(self.roomy);
    }
}

fn fill(
    env: RHash,
    ruby: &Ruby,
    reader: &Reader<'_>,
    settings: &Settings,
    null_input: Value,
    remote_address: &RemoteAddress,
) -> Result<(), Error> {
    let keys = keys();
    // SAFETY: the table's Strings live for ever.
    let key = |value: VALUE| unsafe { Value::from_raw(value) };
    let version = ruby.ary_new_from_values(&[1_i64.into_value_with(ruby), 6_i64.into_value_with(ruby)]);
    version.freeze();
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
    env.aset(key(keys.websocket_p), ())?;
    // What Ruby wants every request to have.
    reader.get::<RHash>("env")?.foreach(|name: Value, value: Value| {
        env.aset(name, value)?;
        Ok(ForEach::Continue)
    })
}

/// Whether apps of this version of Rack look for `HTTP_VERSION`.
pub(in crate::rack) fn before_3_1(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < (3, 1)
}

fn frozen(ruby: &Ruby, text: &str) -> Value {
    let string = ruby.str_new(text);
    string.freeze();
    string.as_value()
}
