//! Where the body ends (RFC 9112 §6). Two hops that disagree here are a request smuggling hole (§11.2), so everything
//! that is not plain is refused.

use super::octets;
use crate::http::refusal::Refusal;

/// Lengths from here on are nonsense: no file and no memory can hold them, and some code counts in `i64`.
pub(crate) const ABSURD: u64 = i64::MAX as u64;

/// How the end of the body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body (RFC 9112 §6.3 rule 7).
    None,
    /// So many bytes follow; may be 0.
    Length(u64),
    /// Chunks follow; see [`crate::http::chunks::Chunks`].
    Chunked,
}

/// Reads a Content-Length: digits and nothing else (RFC 9110 §8.6). Also judged when chunks overrule it.
pub(super) fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad_request("Content-Length is not a number (RFC 9110 §8.6)"));
    }
    let number = value
        .iter()
        .try_fold(0u64, |number, byte| number.checked_mul(10)?.checked_add(u64::from(byte - b'0')))
        .ok_or(Refusal::bad_request("Content-Length overflows (RFC 9110 §8.6)"))?;
    if number >= ABSURD {
        return Err(Refusal::payload_too_large("Content-Length is absurd"));
    }
    Ok(number)
}

/// Accepts the one coding this server knows, `chunked`, in any case (RFC 9112 §7); tells the rest apart.
pub(super) fn transfer_encoding(value: &[u8]) -> Result<(), Refusal> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let codings = || value.split(|&byte| byte == b',').map(octets::trim);
    let last = codings().next_back().unwrap_or_default();
    let chunked = codings().filter(|coding| is_chunked(coding)).count();
    if chunked > usize::from(is_chunked(last)) {
        return Err(Refusal::bad_request("chunked is not the last coding, or is there twice (RFC 9112 §6.1)"));
    }
    if chunked == 0 && codings().all(is_compression) {
        return Err(Refusal::bad_request("Transfer-Encoding without chunked has no end (RFC 9112 §6.3)"));
    }
    Err(Refusal::not_implemented("unknown or unsupported transfer coding (RFC 9112 §6.1)"))
}

/// The registered codings beside chunked (RFC 9112 §7.2).
fn is_compression(coding: &[u8]) -> bool {
    [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"].iter().any(|it| coding.eq_ignore_ascii_case(it))
}
