//! From a request to an upgraded connection.

use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_PROTOCOL, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::client::{Client, Protocol};
use super::clients::Realtime;
use crate::files::FILE_FIELDS;
use crate::handoff::ResponseHead;
use crate::sse::{self, EVENT_STREAM};
use crate::ws::handshake::{self, Asked, Handshake};
use crate::ws::origin;

/// Fields that belong to one connection or to a body, neither of which the application's response has any more.
const NOT_PASSED: [HeaderName; 7] =
    [CONNECTION, CONTENT_LENGTH, HeaderName::from_static("keep-alive"), TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// What a request asks to be upgraded to.
#[derive(Debug)]
pub struct Upgrade {
    wish: Wish,
    /// The request's Origin may open a WebSocket here.
    origin_allowed: bool,
    realtime: Arc<Realtime>,
}

#[derive(Debug)]
enum Wish {
    WebSocket(Handshake),
    WrongVersion,
    Sse,
}

impl Upgrade {
    /// `None` for an ordinary request.
    pub(crate) fn of(parts: &Parts, realtime: &Arc<Realtime>) -> Option<Box<Upgrade>> {
        let wish = match handshake::examine(parts) {
            Asked::WebSocket(handshake) => Wish::WebSocket(handshake),
            Asked::WrongVersion => Wish::WrongVersion,
            Asked::Nothing if parts.method != Method::HEAD && sse::accept::wants_event_stream(&parts.headers) => {
                Wish::Sse
            }
            Asked::Nothing => return None,
        };
        if matches!(wish, Wish::Sse) {
            return Some(Upgrade::to_event_stream(realtime));
        }
        let origin_allowed = origin::is_allowed(&parts.headers, &realtime.settings.allowed_origins);
        Some(Box::new(Upgrade { wish, origin_allowed, realtime: realtime.clone() }))
    }

    /// To an event stream, which needs nothing of the request: an application may want one that the client has not asked
    /// for. Not in answer to HEAD, which has no body.
    pub fn to_event_stream(realtime: &Arc<Realtime>) -> Box<Upgrade> {
        Box::new(Upgrade { wish: Wish::Sse, origin_allowed: true, realtime: realtime.clone() })
    }

    /// What the connection would speak; `None` where it can only be told the right version (RFC 6455 §4.4).
    pub fn protocol(&self) -> Option<Protocol> {
        match self.wish {
            Wish::WebSocket(_) => Some(Protocol::WebSocket),
            Wish::Sse => Some(Protocol::Sse),
            Wish::WrongVersion => None,
        }
    }

    /// Whether a page of the request's Origin may open a WebSocket here (RFC 6455 §10.2; option `allowed_origins`).
    pub fn is_origin_allowed(&self) -> bool {
        self.origin_allowed
    }

    /// The handle for the connection to come. Writes to it wait until [`Opening`] has been answered with.
    pub fn client(&self) -> Option<Arc<Client>> {
        self.protocol().map(|protocol| Client::new(&self.realtime, protocol))
    }

    /// Makes the response's head out of the application's fields.
    pub fn head(&self, mut headers: HeaderMap) -> ResponseHead {
        for name in NOT_PASSED.iter().chain(&FILE_FIELDS) {
            headers.remove(name);
        }
        match &self.wish {
            Wish::WebSocket(handshake) => {
                self.keep_offered(handshake, &mut headers);
                headers.remove(CONTENT_TYPE);
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(SEC_WEBSOCKET_ACCEPT, handshake.accept.clone());
                ResponseHead { status: StatusCode::SWITCHING_PROTOCOLS, headers }
            }
            _ => {
                // The app's own stays where it is one (`; charset=utf-8`); a framework's default does not.
                if !headers.get(CONTENT_TYPE).is_some_and(is_event_stream) {
                    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
                }
                let mut default = |name, value| {
                    headers.entry(name).or_insert(HeaderValue::from_static(value));
                };
                default(CACHE_CONTROL, "no-cache");
                // nginx would collect events before it passes them on.
                default(HeaderName::from_static("x-accel-buffering"), "no");
                // The end of the connection ends the stream (RFC 9112 §6.3): events need no chunks of their own.
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
                ResponseHead { status: StatusCode::OK, headers }
            }
        }
    }

    /// RFC 6455 §4.2.2: one of the offered sub-protocols, or none.
    fn keep_offered(&self, handshake: &Handshake, headers: &mut HeaderMap) {
        let Some(chosen) = headers.get(SEC_WEBSOCKET_PROTOCOL) else { return };
        if !chosen.to_str().is_ok_and(|chosen| handshake.offers(chosen)) {
            let line = format!("the app chose the sub-protocol {chosen:?}, which the client did not offer: left out");
            self.realtime.log.line(&line);
            headers.remove(SEC_WEBSOCKET_PROTOCOL);
        }
    }
}

fn is_event_stream(value: &HeaderValue) -> bool {
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(EVENT_STREAM.as_bytes())
}

/// A connection about to be upgraded. Dropped (the client has gone), its handle learns that it will never open.
#[derive(Debug)]
pub struct Opening {
    client: Option<Arc<Client>>,
}

impl Opening {
    /// For the handle of [`Upgrade::client`].
    pub fn new(client: Arc<Client>) -> Opening {
        Opening { client: Some(client) }
    }

    pub(crate) fn open(mut self) -> Option<Arc<Client>> {
        self.client.take()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            client.finish();
        }
    }
}
