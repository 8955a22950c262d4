//! Responses without hyper: bodies that the application frames itself, and connections that it takes over.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::date;
use super::exchange::asks_to_close;
use super::link::{Detach, Detached};
use super::reason;
use super::response;
use super::shared::Shared;
use super::wire::Wire;
use crate::access_log::Record;
use crate::handoff::{ResponseHead, Socket, StreamEnd, StreamReader, TakenOver, Takeover};
use crate::net::stream::Stream;
use crate::net::{pump, spare};
use crate::settings::Timeouts;

/// How long [`linger`] takes at most while the server drains.
const DRAIN_LINGER: Duration = Duration::from_millis(100);

/// Status line, fields, blank line. `date` adds the field of RFC 9110 §6.6.1.
pub(crate) fn encode_head(out: &mut Vec<u8>, head: &ResponseHead, date: bool) {
    encode_head_as(b"HTTP/1.1 ", out, head, None, date);
}

/// With a content-length and a date behind the application's fields, unless these have them.
pub(super) fn encode_head_with(out: &mut Vec<u8>, head: &ResponseHead, length: Option<u64>) {
    encode_head_as(b"HTTP/1.1 ", out, head, length, true);
}

fn encode_head_as(version: &[u8], out: &mut Vec<u8>, head: &ResponseHead, mut length: Option<u64>, mut date: bool) {
    out.extend_from_slice(version);
    if head.status == StatusCode::OK {
        // What nearly every response says need not be put together.
        out.extend_from_slice(b"200 OK\r\n");
    } else {
        out.extend_from_slice(head.status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(reason::phrase(head.status).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    for (name, value) in &head.headers {
        if *name == CONTENT_LENGTH {
            length = None;
        }
        date &= *name != DATE;
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if let Some(length) = length {
        out.extend_from_slice(b"content-length: ");
        out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if date {
        out.extend_from_slice(&date::line());
    }
    out.extend_from_slice(b"\r\n");
}

/// Ends a connection so that the client can read what was sent: closing a socket that holds unread bytes resets it,
/// and a reset may overtake the answer (RFC 9112 §9.6).
pub(crate) async fn linger(mut stream: Stream, shared: &Shared) {
    // A client that does not take the end gets what is left of it with the end of the connection.
    let _ = within(shared.settings.timeouts.write, stream.shutdown()).await;
    let limit = shared.settings.timeouts.linger;
    // An idle client of a server that drains has been answered long ago.
    let limit = if shared.is_draining() { limit.min(DRAIN_LINGER) } else { limit };
    let _ = timeout(limit, discard(&mut stream, shared)).await;
}

/// To the end, however much that is: proxies and some clients look at the answer only when they have sent all.
async fn discard(stream: &mut Stream, shared: &Shared) {
    while let Ok(bytes @ 1..) = poll_fn(|cx| spare::poll_discard(stream, cx)).await {
        shared.realtime.traffic.received(bytes);
    }
}

/// Sends what the exchange wanted to send without hyper. Returns the wire where another request may follow.
pub(crate) async fn send(mut wire: Wire, detach: Detach, shared: &Shared) -> Option<Wire> {
    let Detach { http10, head_only, persistent, what, mut record } = detach;
    let is_last = match &what {
        Detached::Head(head) => asks_to_close(&head.headers),
        Detached::Framed(head, ..) => asks_to_close(&head.headers) || !is_chunked(&head.headers),
        Detached::Takeover(..) | Detached::Upgrade(..) => false,
    };
    let manner = Manner { http10, head_only, persistent: persistent && !is_last };
    let limit = shared.settings.timeouts.write;
    let sent = match what {
        Detached::Head(head) => send_head(&mut wire, head, manner, limit).await,
        Detached::Framed(head, reader) => tokio::select! {
            sent = send_framed(&mut wire, head, reader, manner, limit, &mut record) => sent,
            () = shared.streams_must_end() => Err(io::ErrorKind::TimedOut.into()),
        },
        Detached::Takeover(head, to) => {
            release(wire, head, to, &shared.settings.timeouts).await;
            return None;
        }
        // `connection` has taken it: see `upgrade`.
        Detached::Upgrade(..) => return None,
    };
    match sent {
        Ok(()) if manner.persistent => return Some(wire),
        Ok(()) => linger(wire.into_stream(), shared).await,
        // The client does not read, the length that was promised cannot be kept, or the server has stopped.
        Err(_) => wire.stream().reset_on_close(),
    }
    None
}

#[derive(Debug, Clone, Copy)]
struct Manner {
    http10: bool,
    head_only: bool,
    persistent: bool,
}

/// RFC 9112 §6.3: behind any other coding only the end of the connection ends the body.
fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    let coding = last.and_then(|value| value.as_bytes().rsplit(|byte| *byte == b',').next());
    coding.is_some_and(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

fn set_connection(headers: &mut HeaderMap, manner: Manner) {
    if !manner.persistent {
        response::close_after(headers);
    } else if manner.http10 {
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
    }
}

/// A head that ends the response: there is no body.
async fn send_head(wire: &mut Wire, mut head: ResponseHead, manner: Manner, limit: Duration) -> io::Result<()> {
    set_connection(&mut head.headers, manner);
    let mut bytes = Vec::new();
    // Drop-in row R-10.
    let version: &[u8] = if manner.http10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
    encode_head_as(version, &mut bytes, &head, None, true);
    say(wire, &bytes, limit).await
}

async fn send_framed(
    wire: &mut Wire,
    mut head: ResponseHead,
    mut reader: StreamReader,
    manner: Manner,
    limit: Duration,
    record: &mut Option<Record>,
) -> io::Result<()> {
    // RFC 9112 §6.3: of two framings only the coding counts.
    head.headers.remove(CONTENT_LENGTH);
    send_head(wire, head, manner, limit).await?;
    if manner.head_only {
        return Ok(());
    }
    loop {
        match reader.part().await {
            Ok(part) => {
                say(wire, &part, limit).await?;
                if let Some(record) = record {
                    record.sent(part.len());
                }
            }
            Err(StreamEnd::Finished) => return Ok(()),
            Err(StreamEnd::Aborted) => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Gives the connection to the application, after the head of a 101 where there is one. Where that fails, the
/// application learns it from the end of its waiting.
async fn release(mut wire: Wire, head: Option<ResponseHead>, to: Takeover, timeouts: &Timeouts) {
    let (limit, linger) = (timeouts.write, timeouts.linger);
    if let Some(mut head) = head {
        // RFC 9110 §8.6, RFC 9112 §6.1: a 101 has no framing.
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(TRANSFER_ENCODING);
        if !head.headers.contains_key(CONNECTION) && head.headers.contains_key(UPGRADE) {
            head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        let mut bytes = Vec::new();
        encode_head(&mut bytes, &head, false);
        if say(&mut wire, &bytes, limit).await.is_err() {
            return wire.stream().hang_up();
        }
    }
    let (stream, unread) = wire.into_parts();
    if let Ok(socket) = give_up(stream, linger) {
        to.release(TakenOver { socket, unread: strip(unread) });
    }
}

/// The socket, in non-blocking mode; of an encrypted connection one that is pumped.
fn give_up(stream: Stream, linger: Duration) -> io::Result<Socket> {
    Ok(match stream {
        Stream::Tcp(stream) => Socket::Tcp(stream.into_std()?),
        Stream::Unix(stream) => Socket::Unix(stream.into_std()?),
        Stream::Tls(_) => {
            let ((local, peer), client) = (stream.addresses(), stream.duplicate()?);
            Socket::Pair { socket: pump::lend(stream, linger)?, client, local, peer }
        }
    })
}

/// Sends the head of an upgrade. Returns the socket, and what the client sent behind its request.
pub(crate) async fn upgrade(mut wire: Wire, head: &ResponseHead, limit: Duration) -> io::Result<(Stream, Bytes)> {
    let mut bytes = Vec::new();
    encode_head(&mut bytes, head, true);
    say(&mut wire, &bytes, limit).await?;
    let (stream, unread) = wire.into_parts();
    Ok((stream, strip(unread)))
}

/// `Bytes` of length 0 would keep its buffer alive.
fn strip(unread: Bytes) -> Bytes {
    if unread.is_empty() { Bytes::new() } else { unread }
}

/// Writes everything of a response, and counts it.
pub(super) async fn say(wire: &mut Wire, bytes: &[u8], limit: Duration) -> io::Result<()> {
    write_all(wire.stream(), bytes, limit).await?;
    wire.count_sent(bytes.len());
    Ok(())
}

/// Writes everything; each step may take `limit`.
pub(crate) async fn write_all(stream: &mut Stream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let rest = &bytes[written..];
        written += within(limit, stream.write(rest)).await?;
    }
    loop {
        match timeout(limit, stream.flush()).await {
            // The client takes it, if slowly.
            Err(_) if stream.take_moved() => {}
            flushed => return flushed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
