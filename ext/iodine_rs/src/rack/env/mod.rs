//! A request as a Rack env, by raw calls: this is the hottest code of the bridge.

mod entries;
mod fields;
mod left;
mod line;
mod origin;
mod places;
mod template;

use std::io::Write;
use std::time::Duration;

use http::Version;
use iodine_core::handoff::{Request, RequestBody, TicketHandle};
use iodine_core::realtime::Protocol;
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::value::ReprValue;
use magnus::{Error, Module, RClass, RHash, RModule, Ruby, Value};
use rb_sys::{Qtrue, VALUE, rb_ary_new, rb_float_new, rb_hash_aset, rb_hash_delete, rb_hash_dup, rb_str_new};

use super::context::Context;
use super::early_hints::EarlyHints;
use super::hijack::{Current, Hijack};
use super::input;
use crate::keys::{Keys, keys};
use crate::realtime::upgrade;
pub(crate) use left::Left;
pub(super) use origin::LastAuthority;
use places::{Place, Places};
pub(super) use template::{Template, before_3_1};

/// An env that is about to be made: what of it takes Ruby code is there.
pub(super) struct Draft {
    /// `rack.input`, and its length, where there is a body.
    input: Option<(Value, u64)>,
    /// `rack.input`, where it is a file: it is to be closed when the request is over.
    pub(super) spool: Option<Value>,
    hints: Option<Value>,
    certificate: Option<Value>,
    hijack: Option<Box<Current>>,
}

impl Draft {
    /// `request.body` is taken.
    pub(super) fn new(ruby: &Ruby, cx: &Context, request: &mut Request, ticket: TicketHandle) -> Result<Draft, Error> {
        let body_len = request.body.len();
        let spooled = matches!(request.body, RequestBody::File { .. });
        let input = input::build(ruby, &mut request.body)?;
        let hints = cx.early_hints.then(|| ruby.obj_wrap(EarlyHints::new(ticket.clone())).as_value());
        let certificate = request.tls.as_ref().and_then(|tls| tls.peer_certificate.as_ref());
        Ok(Draft {
            input: input.map(|input| (input, body_len)),
            spool: input.filter(|_| spooled),
            hints,
            certificate: certificate.map(|der| peer_certificate(ruby, der)).transpose()?,
            hijack: Some(Current::new(ticket, cx.release_limit, request.ends.clone())),
        })
    }

    /// Makes the env.
    ///
    /// # Safety
    /// Inside `protect`, with the GVL: a jump (out of memory) has nothing to drop here. The draft is on the stack, where
    /// Ruby's collector finds its Values.
    pub(super) unsafe fn build(&mut self, ruby: &Ruby, cx: &Context, request: &Request) -> (VALUE, Hijack) {
        let template = cx.template.with_room_for(ruby, request.parts.headers.len());
        let protocol = request.upgrade.as_ref().and_then(|upgrade| upgrade.protocol());
        let asked = protocol.map(|protocol| upgrade::name(ruby, protocol).as_raw());
        // SAFETY: see above.
        unsafe {
            let env = Env { hash: rb_hash_dup(template), keys: keys() };
            let hijack = Hijack::create(ruby, env.hash, &mut self.hijack);
            let places = Places::of(cx, request, hijack.as_raw(), asked);
            places.write(env.hash);
            env.absent(&places);
            env.fragment(request);
            env.fields(cx, &request.parts.headers);
            env.version(request.parts.version, cx.http_version);
            if protocol == Some(Protocol::WebSocket) {
                env.set(env.keys.websocket_p, Qtrue.into());
            }
            if request.tls.is_some() {
                env.set(env.keys.https_key, env.keys.https);
            }
            if let Some(certificate) = self.certificate {
                env.set(env.keys.peer_certificate, certificate.as_raw());
            }
            if let Some(hints) = self.hints {
                env.set(env.keys.early_hints, hints.as_raw());
            }
            if let Some((input, length)) = self.input {
                env.body(input.as_raw(), length, milliseconds(request.body_wait));
            }
            (env.hash, hijack)
        }
    }
}

/// Takes out what was made of a request line that nobody could read.
pub(super) fn forget_target(env: Value) -> Result<(), Error> {
    let Some(env) = RHash::from_value(env) else { return Ok(()) };
    let keys = keys();
    for key in [keys.request_method, keys.request_path, keys.path_info, keys.request_uri, keys.server_protocol] {
        // SAFETY: the table's Strings live for ever.
        let key = unsafe { Value::from_raw(key) };
        env.delete::<_, Value>(key)?;
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// As Puma gives it (drop-in row E-27). lib/iodine_rs/tls.rb has loaded the class.
fn peer_certificate(ruby: &Ruby, der: &[u8]) -> Result<Value, Error> {
    let openssl: RModule = ruby.class_object().const_get("OpenSSL")?;
    let class: RClass = openssl.const_get::<_, RModule>("X509")?.const_get("Certificate")?;
    class.funcall("new", (ruby.str_from_slice(der),))
}

/// SAFETY: inside `protect`, with the GVL.
unsafe fn string(bytes: &[u8]) -> VALUE {
    // SAFETY: Ruby copies the bytes.
    unsafe { rb_str_new(bytes.as_ptr().cast(), bytes.len() as i64) }
}

/// SAFETY: as for [`Env`].
impl Places {
    /// What this request brings.
    unsafe fn of(cx: &Context, request: &Request, hijack: VALUE, asked: Option<VALUE>) -> Places {
        let mut places = Places::new();
        // SAFETY: see the impl.
        unsafe {
            if let Some(name) = asked {
                places.set(Place::UpgradeAsked, name);
            }
            places.request_line(request);
            places.authority(cx, request);
            places.remote_address(cx, request);
            places.set(Place::Hijack, hijack);
            places.set(Place::Socket, hijack);
            places.set(Place::AfterReply, rb_ary_new());
            places.set(Place::ResponseFinished, rb_ary_new());
            places.set(Place::QueueTime, rb_float_new(milliseconds(request.queue_time)));
        }
        places
    }
}

/// A copy of the template on its way to becoming a request's env.
struct Env {
    hash: VALUE,
    keys: &'static Keys,
}

/// SAFETY, for all of it: called inside `protect` with the GVL; arguments are live Values or plain bytes that Ruby
/// copies.
impl Env {
    unsafe fn set(&self, key: VALUE, value: VALUE) {
        // SAFETY: see the impl.
        unsafe { rb_hash_aset(self.hash, key, value) };
    }

    /// A place that has no value in the template, either, is none.
    unsafe fn absent(&self, places: &Places) {
        if !places.has(Place::HttpHost) {
            // SAFETY: see the impl.
            unsafe { rb_hash_delete(self.hash, self.keys.http_host) };
        }
    }

    unsafe fn version(&self, version: Version, http_version: bool) {
        if version != Version::HTTP_10 {
            return;
        }
        // SAFETY: see the impl.
        unsafe {
            self.set(self.keys.server_protocol, self.keys.http_10);
            if http_version {
                self.set(self.keys.http_version, self.keys.http_10);
            }
        }
    }

    unsafe fn body(&self, input: VALUE, len: u64, wait: f64) {
        let mut buffer = [0; 20];
        let mut rest = &mut buffer[..];
        // Twenty digits hold every u64.
        let _ = write!(rest, "{len}");
        let written = 20 - rest.len();
        // SAFETY: see the impl.
        unsafe {
            self.set(self.keys.input, input);
            self.set(self.keys.content_length, string(&buffer[..written]));
            self.set(self.keys.body_wait, rb_float_new(wait));
        }
    }
}
