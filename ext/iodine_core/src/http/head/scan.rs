//! Finds the end of a head while it arrives.

use memchr::memchr;

use super::{octets, request_line};
use crate::http::refusal::Refusal;
use crate::settings::Limits;

/// Empty lines that are skipped before a request line. One is what RFC 9112 §2.2 asks for; clients of the 1990s end a
/// body with it. More than a few is noise that should not keep a connection open.
const EMPTY_LINES: usize = 3;

/// How far a head has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// Its end is not there yet.
    Partial,
    /// It is complete, and so many bytes long: empty lines before it and the empty line at its end included.
    Complete(usize),
}

/// Looks for the end of the head in `buf`, from where the last call stopped: `seen` is the length `buf` had then.
///
/// What can never become a request is refused at once, without waiting for the rest: bare line feeds, first bytes of
/// another protocol, a wrong request line, anything above its limit.
///
/// # Errors
/// A [`Refusal`] as soon as the bytes cannot be the beginning of an acceptable head.
pub fn scan(buf: &[u8], seen: usize, limits: &Limits) -> Result<Scan, Refusal> {
    let Some(start) = request_line_start(buf)? else {
        return Ok(Scan::Partial);
    };
    let end = find_end(buf, seen.max(start)).or_else(|refusal| {
        // A request line that is wrong, too, was refused before where the head came in pieces.
        check_request_line(&buf[start..], 0, limits)?;
        Err(refusal)
    })?;
    if end.unwrap_or(buf.len()) > limits.head || (end.is_none() && buf.len() == limits.head) {
        check_request_line(&buf[start..], 0, limits)?;
        return Err(Refusal::fields_too_large("request head above its limit"));
    }
    match end {
        Some(len) => Ok(Scan::Complete(len)),
        None => check_request_line(&buf[start..], seen.saturating_sub(start), limits).map(|()| Scan::Partial),
    }
}

/// Skips empty lines. `None` if there is nothing else yet.
fn request_line_start(buf: &[u8]) -> Result<Option<usize>, Refusal> {
    for start in (0..=EMPTY_LINES).map(|lines| lines * 2) {
        match &buf[start..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => {}
            // ContentType.handshake and the major version of every TLS (RFC 8446 §5.1).
            [0x16] | [0x16, 0x03, ..] => return Err(Refusal::tls_on_plain_port()),
            [first, ..] if octets::is_token(*first) => return Ok(Some(start)),
            // Behind two empty lines it is the signature of HAProxy's header: a proxy is set up for another server than this.
            [0, ..] if start == 4 => {
                return Err(Refusal::bad_request(
                    "PROXY header of version 2, which is not expected (set_remote_address)",
                ));
            }
            _ => {
                return Err(Refusal::bad_request("request does not begin with a method (RFC 9112 §3)"));
            }
        }
    }
    Err(Refusal::bad_request("too many empty lines before the request line (RFC 9112 §2.2)"))
}

/// The end of the first empty line. `from` is behind the first byte of the request line or at it.
fn find_end(buf: &[u8], mut from: usize) -> Result<Option<usize>, Refusal> {
    while let Some(offset) = memchr(b'\n', &buf[from..]) {
        let next = from + offset + 1;
        match &buf[..next] {
            [.., b'\n', b'\r', b'\n'] => return Ok(Some(next)),
            [.., b'\r', b'\n'] => from = next,
            // RFC 9112 §2.2 allows it as a line end; whoever accepts it disagrees with those who do not.
            _ => return Err(Refusal::bad_request("bare LF in the request head (RFC 9112 §2.2)")),
        }
    }
    Ok(None)
}

/// Judges the request line of an unfinished head once, when its end has come: an HTTP/0.9 client waits for an answer
/// behind it. `seen` as for [`scan`], but from the line's first byte.
fn check_request_line(bytes: &[u8], seen: usize, limits: &Limits) -> Result<(), Refusal> {
    let line_end = memchr(b'\n', bytes);
    let line = &bytes[..line_end.map_or(bytes.len(), |end| end + 1)];
    request_line::check_unfinished(line, limits)?;
    match line_end {
        Some(end) if end >= seen => request_line::parse(line, limits).map(drop),
        _ => Ok(()),
    }
}
