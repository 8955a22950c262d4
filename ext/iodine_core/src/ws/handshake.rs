//! Whether a request is an opening handshake (RFC 6455 §4.2.1), judged before the application sees it.

use http::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, Method, Version};
use tungstenite::handshake::derive_accept_key;

/// Characters of 16 bytes in base64.
const KEY_LEN: usize = 24;

/// What a request asks for.
#[derive(Debug)]
pub enum Asked {
    /// No WebSocket, or nothing that can be answered with one.
    Nothing,
    /// A WebSocket.
    WebSocket(Handshake),
    /// A WebSocket of a version that does not exist any more: 426 (§4.4).
    WrongVersion,
}

/// A valid opening handshake.
#[derive(Debug)]
pub struct Handshake {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: HeaderValue,
    protocols: Vec<String>,
}

impl Handshake {
    /// Whether the client offered this sub-protocol.
    pub fn offers(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|offered| offered == protocol)
    }
}

/// Judges a request.
pub fn examine(parts: &Parts) -> Asked {
    let headers = &parts.headers;
    let asks = headers.contains_key(UPGRADE)
        && has_token(headers, UPGRADE, "websocket")
        && has_token(headers, CONNECTION, "upgrade")
        && parts.method == Method::GET
        && parts.version == Version::HTTP_11;
    if !asks {
        return Asked::Nothing;
    }
    let (Some(key), Some(version)) = (only(headers, SEC_WEBSOCKET_KEY), only(headers, SEC_WEBSOCKET_VERSION)) else {
        return Asked::Nothing;
    };
    if !is_key(key.as_bytes()) {
        return Asked::Nothing;
    }
    if version.as_bytes().trim_ascii() != b"13" {
        return Asked::WrongVersion;
    }
    match HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
        Ok(accept) => Asked::WebSocket(Handshake { accept, protocols: tokens(headers, SEC_WEBSOCKET_PROTOCOL) }),
        Err(_) => Asked::Nothing,
    }
}

/// The value of a field that stands there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn is_key(key: &[u8]) -> bool {
    // 16 bytes leave two characters of padding, and four bits unused.
    key.len() == KEY_LEN
        && key.ends_with(b"==")
        && key[..22].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && matches!(key[21], b'A' | b'Q' | b'g' | b'w')
}

fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    tokens(headers, name).iter().any(|token| token.eq_ignore_ascii_case(wanted))
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|token| token.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}
