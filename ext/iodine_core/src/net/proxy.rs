//! The header in which a proxy tells where a connection comes from (the PROXY protocol of HAProxy, versions 1 and 2).

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use ppp::{PartialResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::settings::{ProxyProtocol, Timeouts};

/// The longest header of version 1, with its end.
const LONGEST_LINE: usize = 107;

/// The longest header of version 2 that is read: addresses, and what a proxy adds to them.
const LONGEST: usize = 4096;

/// Where a header of version 2 says how long the rest is.
const ANNOUNCED: Range<usize> = 14..16;

/// What such headers begin with.
const V1: &[u8] = b"PROXY ";
const V2: &[u8] = v2::PROTOCOL_PREFIX;

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub enum Header {
    /// There is none: the connection comes from nobody else.
    Absent,
    /// More bytes are needed.
    Partial,
    /// So many bytes, and the address in them; `None` where the proxy does not know it, or speaks for itself.
    Complete(usize, Option<SocketAddr>),
}

/// Why there is no address.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The client is gone, or has sent nothing in time.
    Silent,
    /// The header is malformed, or came too slowly.
    Malformed(String),
}

/// Reads the header where there is one. What comes behind it stays in `unread`.
///
/// # Errors
/// [`Unreadable`].
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    version: ProxyProtocol,
    unread: &mut BytesMut,
    timeouts: &Timeouts,
) -> Result<Option<SocketAddr>, Unreadable> {
    let deadline = Instant::now() + timeouts.header;
    loop {
        match parse(unread, version)? {
            Header::Absent => return Ok(None),
            Header::Complete(length, address) => {
                unread.advance(length);
                return Ok(address);
            }
            Header::Partial => {}
        }
        let limit = timeouts.first_data.min(deadline.saturating_duration_since(Instant::now()));
        if !more(stream, unread, limit).await {
            let late = Unreadable::Malformed("it came too slowly, or not to its end".to_owned());
            return Err(if unread.is_empty() { Unreadable::Silent } else { late });
        }
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut, limit: Duration) -> bool {
    matches!(timeout(limit, stream.read_buf(unread)).await, Ok(Ok(read)) if read > 0)
}

/// Looks for a header at the beginning of a connection.
///
/// # Errors
/// [`Unreadable::Malformed`].
pub fn parse(bytes: &[u8], version: ProxyProtocol) -> Result<Header, Unreadable> {
    let prefix = if version == ProxyProtocol::V1 { V1 } else { V2 };
    let compared = prefix.len().min(bytes.len());
    if bytes[..compared] != prefix[..compared] {
        return Ok(Header::Absent);
    }
    if compared < prefix.len() {
        return Ok(Header::Partial);
    }
    match version {
        ProxyProtocol::V1 => parse_v1(bytes),
        ProxyProtocol::V2 => parse_v2(bytes),
    }
}

fn parse_v1(bytes: &[u8]) -> Result<Header, Unreadable> {
    // Not looked at before its end is there: half a port is no port. Nor beyond it, which may have come or not.
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return if bytes.len() < LONGEST_LINE { Ok(Header::Partial) } else { Err(malformed("it has no end")) };
    };
    let line = &bytes[..=end];
    if !line.ends_with(b"\r\n") {
        return Err(malformed("it has a bare line feed"));
    }
    if is_unknown(line) {
        return Ok(Header::Complete(line.len(), None));
    }
    let header = v1::Header::try_from(line).map_err(malformed)?;
    if header.header.contains('+') {
        return Err(malformed("a port has a sign"));
    }
    let address = match header.addresses {
        v1::Addresses::Tcp4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
        v1::Addresses::Tcp6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
        v1::Addresses::Unknown => None,
    };
    Ok(Header::Complete(header.header.len(), address))
}

/// "The receiver must ignore anything presented before the CRLF" (§2.1); ppp takes no more than a few words.
fn is_unknown(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"PROXY UNKNOWN").and_then(|rest| rest.strip_suffix(b"\r\n"));
    line.len() <= LONGEST_LINE && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
}

fn parse_v2(bytes: &[u8]) -> Result<Header, Unreadable> {
    if let Some(&[high, low]) = bytes.get(ANNOUNCED) {
        if usize::from(u16::from_be_bytes([high, low])) > LONGEST {
            return Err(malformed("it is too long"));
        }
    }
    let parsed = v2::Header::try_from(bytes);
    if parsed.is_incomplete() {
        return Ok(Header::Partial);
    }
    let header = parsed.map_err(malformed)?;
    let address = match header.addresses {
        _ if header.command == v2::Command::Local => None,
        v2::Addresses::IPv4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
        v2::Addresses::IPv6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
    };
    Ok(Header::Complete(header.len(), address))
}

fn malformed(why: impl ToString) -> Unreadable {
    Unreadable::Malformed(why.to_string())
}
