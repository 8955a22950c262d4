//! Whom a request was sent to, by whom, and over what: `HTTP_HOST`, `SERVER_NAME`, `SERVER_PORT`, `rack.url_scheme`,
//! `REMOTE_ADDR`.

use std::cell::Cell;
use std::io::Write;
use std::net::Ipv4Addr;

use http::HeaderMap;
use http::header::{HOST, HeaderValue};
use iodine_core::handoff::{Peer, Request};
use magnus::gc::Marker;
use magnus::rb_sys::FromRawValue;
use magnus::{RString, Value};
use rb_sys::{Qnil, VALUE, rb_str_freeze};

use super::places::{Place, Places};
use super::string;
use crate::keys::keys;
use crate::rack::context::{Context, RemoteAddress};

/// SAFETY, for all of it: as for [`Env`](super::Env).
impl Places {
    pub(super) unsafe fn authority(&mut self, cx: &Context, request: &Request) {
        let headers = &request.parts.headers;
        // RFC 9112 §3.2.2: the authority of an absolute-form target replaces the Host field.
        let host = match request.parts.uri.authority() {
            Some(authority) => authority.as_str().as_bytes(),
            None => headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default(),
        };
        let https = !cx.forced_scheme && (request.tls.is_some() || is_https(headers));
        // SAFETY: see the impl.
        unsafe {
            if https {
                self.set(Place::UrlScheme, keys().https);
                self.set(Place::ServerPort, keys().port_443);
            }
            if !host.is_empty() {
                let (name, port) = cx.last_authority.split(host);
                self.set(Place::HttpHost, string(host));
                self.set(Place::ServerName, name);
                if port != Qnil.into() {
                    self.set(Place::ServerPort, port);
                }
            }
        }
    }

    pub(super) unsafe fn remote_address(&mut self, cx: &Context, request: &Request) {
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
                Some(address) => self.set(Place::RemoteAddr, string(address)),
                None => self.peer(request.ends.peer),
            }
        }
    }

    /// The template has the address of this machine, which is also what a Unix socket shows.
    unsafe fn peer(&mut self, peer: Peer) {
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
        unsafe { self.set(Place::RemoteAddr, string(&buffer[..length])) };
    }
}

/// The authority that the last request named, and the name and port that are made of it: most requests name the same.
pub(in crate::rack) struct LastAuthority {
    authority: Cell<VALUE>,
    name: Cell<VALUE>,
    /// nil for none.
    port: Cell<VALUE>,
}

impl LastAuthority {
    pub(in crate::rack) fn new() -> LastAuthority {
        let nil = || Cell::new(Qnil.into());
        LastAuthority { authority: nil(), name: nil(), port: nil() }
    }

    pub(in crate::rack) fn mark(&self, marker: &Marker) {
        for value in [&self.authority, &self.name, &self.port] {
            // SAFETY: nil, or a String that has been marked ever since it was put there.
            marker.mark(unsafe { Value::from_raw(value.get()) });
        }
    }

    /// SAFETY: as for [`Env`](super::Env).
    unsafe fn split(&self, authority: &[u8]) -> (VALUE, VALUE) {
        // SAFETY: see above. The Strings are on this stack until the cells have them.
        unsafe {
            let last = RString::from_value(Value::from_raw(self.authority.get()));
            if last.is_none_or(|last| last.as_slice() != authority) {
                let (name, port) = split_port(authority);
                let authority = rb_str_freeze(string(authority));
                let name = rb_str_freeze(string(name));
                let port = port.map_or(Qnil.into(), |port| rb_str_freeze(string(port)));
                self.authority.set(authority);
                self.name.set(name);
                self.port.set(port);
            }
        }
        (self.name.get(), self.port.get())
    }
}

/// A list of addresses begins with the client's.
fn first_word(value: &[u8]) -> Option<&[u8]> {
    value.split(|byte| matches!(byte, b',' | b' ' | b'\t')).find(|word| !word.is_empty())
}

/// Puma's rule (drop-in row E-12): a proxy in front that speaks TLS says so in one of three ways. A walk over the names
/// is cheaper than three look-ups.
fn is_https(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let test: fn(&[u8]) -> bool = match name.as_str() {
            "x-forwarded-proto" => |value| value.starts_with(b"https"),
            "x-forwarded-scheme" => |value| value == b"https",
            "x-forwarded-ssl" => |value| value == b"on",
            _ => return false,
        };
        headers.get(name).is_some_and(|value| test(value.as_bytes()))
    })
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
