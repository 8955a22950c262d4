//! Events as bytes (HTML Standard §9.2.6). Nothing that an application passes on can end a line and forge a field.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// One event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    /// Becomes a `data:` line for each of its lines; what is not UTF-8 is replaced.
    pub data: &'a [u8],
    /// What the client sends back in `Last-Event-ID`.
    pub id: Option<&'a str>,
    /// The event's type; `message` where it is not given.
    pub event: Option<&'a str>,
    /// Milliseconds after which the client should reconnect.
    pub retry: Option<u64>,
}

/// A field has a character that would end its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injection {
    field: &'static str,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of an event must not contain CR, LF or NUL: a client would read more fields", self.field)
    }
}

/// An event with only data.
pub fn data(data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len() + 16);
    put_data(&mut out, data);
    out.put_u8(b'\n');
    out.freeze()
}

/// An event with fields.
///
/// # Errors
/// [`Injection`].
pub fn encode(event: &Event<'_>) -> Result<Bytes, Injection> {
    let mut out = BytesMut::with_capacity(event.data.len() + 64);
    for (field, value) in [("id", event.id), ("event", event.event)] {
        let Some(value) = value else { continue };
        if value.contains(['\r', '\n', '\0']) {
            return Err(Injection { field });
        }
        put_line(&mut out, field, value.as_bytes());
    }
    if let Some(retry) = event.retry {
        put_line(&mut out, "retry", retry.to_string().as_bytes());
    }
    put_data(&mut out, event.data);
    out.put_u8(b'\n');
    Ok(out.freeze())
}

/// Keeps a connection alive without being an event.
pub fn comment() -> Bytes {
    Bytes::from_static(b":\n\n")
}

fn put_data(out: &mut BytesMut, data: &[u8]) {
    let data = String::from_utf8_lossy(data).replace("\r\n", "\n");
    for line in data.split(['\r', '\n']) {
        put_line(out, "data", line.as_bytes());
    }
}

fn put_line(out: &mut BytesMut, field: &str, value: &[u8]) {
    out.put_slice(field.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_u8(b'\n');
}
