//! `method SP target SP version CRLF` (RFC 9112 §3).

use memchr::memchr;

use super::octets;
use crate::http::refusal::Refusal;
use crate::http::target;
use crate::settings::Limits;

/// A request line whose three parts are where they belong. The target is judged by [`target::check`].
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) http10: bool,
    /// Length of the line with its CRLF.
    pub(super) len: usize,
}

/// Takes the request line apart. `bytes` begin with it and hold at least the whole of it.
///
/// The grammar of §3 is taken literally: one SP between the parts, nothing behind the version. What a lenient reading
/// accepts, a proxy in front may read otherwise (RFC 9112 §11.2).
pub(super) fn parse<'a>(bytes: &'a [u8], limits: &Limits) -> Result<RequestLine<'a>, Refusal> {
    let method = parse_method(bytes, limits)?;
    let end = memchr(b'\r', bytes).unwrap_or(bytes.len());
    let Some([b'\r', b'\n']) = bytes.get(end..end + 2) else {
        return Err(Refusal::bad_request("request line not ended by CRLF (RFC 9112 §2.2)"));
    };
    let rest = &bytes[method.len() + 1..end];
    let Some(space) = memchr(b' ', rest) else {
        return Err(Refusal::bad_request("request line without a version (RFC 9112 §3)"));
    };
    if space == 0 {
        return Err(Refusal::bad_request("two spaces in the request line (RFC 9112 §3)"));
    }
    let http10 = parse_version(&rest[space + 1..])?;
    Ok(RequestLine { method, target: &rest[..space], http10, len: end + 2 })
}

fn parse_method<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a [u8], Refusal> {
    let len = octets::token_len(bytes);
    if len > limits.method {
        return Err(METHOD_TOO_LONG);
    }
    if len == 0 || bytes.get(len) != Some(&b' ') {
        return Err(Refusal::bad_request("method is not a token followed by a space (RFC 9112 §3.1)"));
    }
    Ok(&bytes[..len])
}

const METHOD_TOO_LONG: Refusal = Refusal::over_limit("method above its limit");

/// `true` for HTTP/1.0. The version is case-sensitive and has one digit on either side (RFC 9112 §2.3). A minor version
/// above 1 could be served as 1.1 (RFC 9110 §2.5), but hyper would refuse it behind us.
fn parse_version(bytes: &[u8]) -> Result<bool, Refusal> {
    match bytes {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Refusal::version_not_supported("only HTTP/1.0 and HTTP/1.1 are spoken here (RFC 9110 §2.5)"))
        }
        _ => Err(Refusal::bad_request("malformed HTTP version (RFC 9112 §2.3)")),
    }
}

/// Refuses a request line that is over its limit before its end has come. `bytes` begin with the line.
pub(super) fn check_unfinished(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let room = limits.method.saturating_add(target::longest(limits) + "  HTTP/1.1\r\n".len());
    if bytes.len() <= room {
        return Ok(());
    }
    if octets::token_len(&bytes[..=limits.method]) > limits.method {
        return Err(METHOD_TOO_LONG);
    }
    Err(Refusal::uri_too_long("request line above its limit"))
}
