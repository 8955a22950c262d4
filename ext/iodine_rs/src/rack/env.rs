//! A request as a Rack env. One `protect` around raw calls: this is the hottest code of the bridge.

use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Version};
use iodine_core::handoff::{Peer, Request, RequestBody, TicketHandle};
use iodine_core::realtime::Protocol;
use magnus::rb_sys::{AsRawValue, FromRawValue, protect};
use magnus::value::ReprValue;
use magnus::{Error, Module, RClass, RModule, Ruby, Value};
use rb_sys::{VALUE, rb_ary_new, rb_float_new, rb_hash_aset, rb_hash_dup, rb_interned_str, rb_str_cat, rb_str_new};

use super::context::{Context, RemoteAddress};
use super::early_hints::EarlyHints;
use super::hijack::Hijack;
use super::input;
use crate::keys::{Keys, keys, write_header_key};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-scheme");
const X_FORWARDED_SSL: HeaderName = HeaderName::from_static("x-forwarded-ssl");

/// Builds the env, and names `rack.input` where it is a file. `request.body` is taken.
pub(super) fn build(
    ruby: &Ruby,
    cx: &Context,
    request: &mut Request,
    ticket: TicketHandle,
) -> Result<(Value, Option<Value>), Error> {
    let body_len = request.body.len();
    let spooled = matches!(request.body, RequestBody::File { .. });
    let input = input::build(ruby, &mut request.body)?;
    let hints = cx.early_hints.then(|| ruby.obj_wrap(EarlyHints::new(ticket.clone())).as_value());
    let certificate = request.tls.as_ref().and_then(|tls| tls.peer_certificate.as_ref());
    let certificate = certificate.map(|der| peer_certificate(ruby, der)).transpose()?;
    let hijack = Hijack::create(ruby, ticket, cx.release_limit);
    let template = cx.template(ruby);
    let protocol = request.upgrade.as_ref().and_then(|upgrade| upgrade.protocol());
    let protocol = protocol.map(|protocol| (protocol, protocol_name(ruby, protocol)));
    let env = protect(|| {
        // SAFETY: the GVL is held; all Values are on this stack; a jump (out of memory) is caught by `protect`, and
        // nothing in this closure has to be dropped.
        unsafe {
            let env = Env { hash: rb_hash_dup(template), keys: keys() };
            env.request_line(request);
            env.remote_address(cx, request);
            env.authority(cx, request);
            env.fields(cx, &request.parts.headers);
            env.version(request.parts.version, cx.http_version);
            env.rack(hijack.as_raw(), hints.map(AsRawValue::as_raw));
            env.upgrade(protocol);
            env.set(env.keys.queue_time, rb_float_new(milliseconds(request.queue_time)));
            if let Some(certificate) = certificate {
                env.set(env.keys.peer_certificate, certificate.as_raw());
            }
            if let Some(input) = input {
                env.body(input.as_raw(), body_len, milliseconds(request.body_wait));
            } else if request.parts.headers.contains_key(TRANSFER_ENCODING) {
                env.set_bytes(env.keys.content_length, b"0");
            }
            env.hash
        }
    })?;
    // SAFETY: just made.
    let env = unsafe { Value::from_raw(env) };
    hijack.set_env(env);
    Ok((env, input.filter(|_| spooled)))
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

fn protocol_name(ruby: &Ruby, protocol: Protocol) -> VALUE {
    let name = match protocol {
        Protocol::WebSocket => "websocket",
        Protocol::Sse => "sse",
    };
    ruby.to_symbol(name).as_raw()
}

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

    unsafe fn set_bytes(&self, key: VALUE, bytes: &[u8]) {
        // SAFETY: see the impl.
        unsafe { self.set(key, if bytes.is_empty() { self.keys.empty } else { string(bytes) }) };
    }

    unsafe fn request_line(&self, request: &Request) {
        let (keys, uri) = (self.keys, &request.parts.uri);
        let method = &request.parts.method;
        // SAFETY: see the impl.
        unsafe {
            if *method != Method::GET {
                self.set(
                    keys.request_method,
                    keys.method(method).unwrap_or_else(|| string(method.as_str().as_bytes())),
                );
            }
            let path = string(uri.path().as_bytes());
            self.set(keys.path_info, path);
            self.set(keys.request_path, path);
            if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
                self.set(keys.query_string, string(query.as_bytes()));
            }
            self.request_uri(request);
        }
    }

    unsafe fn request_uri(&self, request: &Request) {
        let (keys, uri) = (self.keys, &request.parts.uri);
        let parsed = || uri.path_and_query().map_or(uri.path(), |target| target.as_str());
        // SAFETY: see the impl.
        unsafe {
            let Some(raw) = &request.raw_target else { return self.set_bytes(keys.request_uri, parsed().as_bytes()) };
            let (target, fragment) = split_once(raw, b'#');
            self.set_bytes(keys.request_uri, target);
            if let Some(fragment) = fragment {
                self.set_bytes(keys.fragment, fragment);
            }
        }
    }

    unsafe fn remote_address(&self, cx: &Context, request: &Request) {
        let named = match &cx.remote_address {
            RemoteAddress::Fixed => return,
            RemoteAddress::Socket => None,
            RemoteAddress::Field(name) => {
                request.parts.headers.get(name).and_then(|value| first_word(value.as_bytes()))
            }
        };
        // SAFETY: see the impl.
        unsafe {
            match named {
                Some(address) => self.set(self.keys.remote_addr, string(address)),
                None => self.peer(request.peer),
            }
        }
    }

    /// The template has the address of this machine, which is also what a Unix socket shows.
    unsafe fn peer(&self, peer: Peer) {
        let Peer::Tcp(address) = peer else { return };
        let ip = address.ip().to_canonical();
        if ip == Ipv4Addr::LOCALHOST {
            return;
        }
        let mut buffer = [0; 64];
        let mut rest = &mut buffer[..];
        // The longest address has 45 characters.
        let _ = write!(rest, "{ip}");
        let length = 64 - rest.len();
        // SAFETY: see the impl.
        unsafe { self.set(self.keys.remote_addr, string(&buffer[..length])) };
    }

    /// `SERVER_NAME`, `SERVER_PORT`, `HTTP_HOST`, `rack.url_scheme`.
    unsafe fn authority(&self, cx: &Context, request: &Request) {
        let (keys, headers) = (self.keys, &request.parts.headers);
        // RFC 9112 §3.2.2: the authority of an absolute-form target replaces the Host field.
        let host = match request.parts.uri.authority() {
            Some(authority) => authority.as_str().as_bytes(),
            None => headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default(),
        };
        let (name, port) = split_port(host);
        let https = !cx.forced_scheme && (request.tls.is_some() || is_https(headers));
        // SAFETY: see the impl.
        unsafe {
            if !host.is_empty() {
                self.set(keys.http_host, string(host));
                self.set(keys.server_name, string(name));
            }
            if request.tls.is_some() {
                self.set(keys.https_key, keys.https);
            }
            if https {
                self.set(keys.url_scheme, keys.https);
            }
            match port {
                Some(port) => self.set(keys.server_port, string(port)),
                None if https => self.set(keys.server_port, keys.port_443),
                None => {}
            }
        }
    }

    unsafe fn fields(&self, cx: &Context, headers: &HeaderMap) {
        let repeated = headers.len() != headers.keys_len();
        if !repeated {
            for (name, value) in headers {
                // SAFETY: see the impl.
                unsafe { self.field(cx, headers, name, |_| string(value.as_bytes())) };
            }
            return;
        }
        for name in headers.keys() {
            // SAFETY: see the impl.
            unsafe { self.field(cx, headers, name, |name| joined(headers, name)) };
        }
    }

    unsafe fn field(
        &self,
        cx: &Context,
        headers: &HeaderMap,
        name: &HeaderName,
        value: impl FnOnce(&HeaderName) -> VALUE,
    ) {
        if *name == HOST {
            return;
        }
        // SAFETY: see the impl.
        unsafe {
            if *name == CONTENT_TYPE {
                return self.set(self.keys.content_type, value(name));
            }
            if *name == CONTENT_LENGTH {
                return self.set(self.keys.content_length, value(name));
            }
            if let Some(key) = self.keys.header(name) {
                return self.set(key, value(name));
            }
            if !is_passed(cx, headers, name) {
                return;
            }
            // Longer names than `max_header_name_size` do not get here; the buffer is larger than any sane setting.
            let mut buffer = [0; 1024];
            let Some(length) = write_header_key(name.as_str(), &mut buffer) else {
                return;
            };
            self.set(rb_interned_str(buffer.as_ptr().cast(), length as i64), value(name));
        }
    }

    unsafe fn version(&self, version: Version, http_version: bool) {
        if version == Version::HTTP_11 {
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

    unsafe fn rack(&self, hijack: VALUE, hints: Option<VALUE>) {
        let keys = self.keys;
        // SAFETY: see the impl.
        unsafe {
            self.set(keys.hijack, hijack);
            self.set(keys.after_reply, rb_ary_new());
            self.set(keys.response_finished, rb_ary_new());
            if let Some(hints) = hints {
                self.set(keys.early_hints, hints);
            }
        }
    }

    /// The template says that there is nothing to upgrade to.
    unsafe fn upgrade(&self, protocol: Option<(Protocol, VALUE)>) {
        let Some((protocol, name)) = protocol else { return };
        // SAFETY: see the impl.
        unsafe {
            self.set(self.keys.rack_upgrade_p, name);
            if protocol == Protocol::WebSocket {
                self.set(self.keys.websocket_p, rb_sys::Qtrue.into());
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

/// A list of addresses begins with the client's.
fn first_word(value: &[u8]) -> Option<&[u8]> {
    value.split(|byte| matches!(byte, b',' | b' ' | b'\t')).find(|word| !word.is_empty())
}

/// SAFETY: inside `protect`, with the GVL.
unsafe fn string(bytes: &[u8]) -> VALUE {
    // SAFETY: Ruby copies the bytes.
    unsafe { rb_str_new(bytes.as_ptr().cast(), bytes.len() as i64) }
}

/// Repeated fields in one String: RFC 9110 §5.3; Cookie by RFC 9113 §8.2.3.
fn joined(headers: &HeaderMap, name: &HeaderName) -> VALUE {
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    // SAFETY: called from `fields`, inside `protect`, with the GVL.
    unsafe {
        let all = string(b"");
        for (index, value) in headers.get_all(name).iter().enumerate() {
            if index > 0 {
                rb_str_cat(all, separator.as_ptr().cast(), separator.len() as i64);
            }
            rb_str_cat(all, value.as_bytes().as_ptr().cast(), value.len() as i64);
        }
        all
    }
}

/// Names that must not reach the env, or not under that key.
fn is_passed(cx: &Context, headers: &HeaderMap, name: &HeaderName) -> bool {
    let text = name.as_str();
    // `HTTP_PROXY` configures HTTP clients (httpoxy, CVE-2016-5385). `HTTP_VERSION` is the server's to set.
    if text == "proxy" || text == "version" || *name == TRANSFER_ENCODING {
        return false;
    }
    if !text.contains('_') {
        return true;
    }
    // CVE-2024-45614: a name with `_` has the same key as the one with `-`, which wins.
    let dashed = HeaderName::from_bytes(text.replace('_', "-").as_bytes());
    let has_twin = dashed.is_ok_and(|dashed| headers.contains_key(dashed));
    cx.underscore_headers && !has_twin && !matches!(text, "content_type" | "content_length")
}

/// Puma's rule (drop-in row E-12): a proxy in front that speaks TLS says so in one of three ways.
fn is_https(headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, test: fn(&[u8]) -> bool| headers.get(name).is_some_and(|v| test(v.as_bytes()));
    is(X_FORWARDED_PROTO, |value| value.starts_with(b"https"))
        || is(X_FORWARDED_SCHEME, |value| value == b"https")
        || is(X_FORWARDED_SSL, |value| value == b"on")
}

/// `name` and `port` of an authority; the name of an IPv6 address keeps its brackets.
fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let name_end = authority.iter().rposition(|byte| *byte == b']').map_or(0, |at| at + 1);
    match authority[name_end..].iter().position(|byte| *byte == b':') {
        Some(at) => {
            let (name, port) = authority.split_at(name_end + at);
            (name, Some(&port[1..]).filter(|port| !port.is_empty()))
        }
        None => (authority, None),
    }
}

fn split_once(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == at) {
        Some(position) => (&bytes[..position], Some(&bytes[position + 1..])),
        None => (bytes, None),
    }
}
