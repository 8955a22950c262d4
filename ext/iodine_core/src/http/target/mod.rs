//! The request target: in come the bytes between the two spaces of the request line, out go its parts.
//! Judged by [`check`] for the gate; split again by [`Target::split`] for whoever needs the raw parts.

pub(crate) mod authority;

use memchr::{memchr, memchr2};

use super::head::octets;
use super::refusal::Refusal;
use crate::settings::Limits;

/// What `http::Uri` can hold behind us. A larger limit would let a request pass here only to be refused by hyper.
const URI_MAX: usize = u16::MAX as usize - 1;

/// The longest target that `limits` and hyper allow.
pub(crate) fn longest(limits: &Limits) -> usize {
    limits.uri.min(URI_MAX)
}

/// A request target in its parts, as received: nothing is decoded or normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Host and port of an absolute-form target; they win over the Host field (RFC 9112 §3.2.2).
    pub authority: Option<&'a [u8]>,
    /// The path; `/` if an absolute-form target has none, `*` for the asterisk-form.
    pub path: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
    /// What follows the first `#`. No client should send it (RFC 9112 §3.2), some do.
    pub fragment: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Splits a target. Total, but meaningful only for targets that [`check`] has accepted.
    pub fn split(raw: &'a [u8]) -> Self {
        let (rest, tail) = raw.split_at(memchr2(b'?', b'#', raw).unwrap_or(raw.len()));
        let (query, fragment) = match tail {
            [b'?', tail @ ..] => {
                let (query, fragment) = cut(tail, b'#');
                (Some(query), fragment)
            }
            [_, fragment @ ..] => (None, Some(fragment)),
            [] => (None, None),
        };
        let (authority, path) = match scheme_len(rest) {
            Some(scheme) => {
                let rest = &rest[scheme..];
                let (authority, path) = rest.split_at(memchr(b'/', rest).unwrap_or(rest.len()));
                (Some(authority), if path.is_empty() { b"/" } else { path })
            }
            None => (None, rest),
        };
        Self { authority, path, query, fragment }
    }
}

/// Judges a target (RFC 9112 §3.2): origin-form, absolute-form of http and https, and the asterisk for OPTIONS. The
/// authority-form belongs to CONNECT, which this server does not do.
///
/// # Errors
/// 400 for a form or a byte that may not be, 414 for a part above its limit.
pub fn check<'a>(raw: &'a [u8], method: &[u8], limits: &Limits) -> Result<Target<'a>, Refusal> {
    if !octets::are_target(raw) {
        return Err(Refusal::bad_request("forbidden byte in the request target (RFC 9112 §3.2)"));
    }
    let target = Target::split(raw);
    check_form(raw, &target, method)?;
    check_size(raw, &target, limits)?;
    Ok(target)
}

fn check_form(raw: &[u8], target: &Target<'_>, method: &[u8]) -> Result<(), Refusal> {
    match (raw, target.authority) {
        ([b'/', ..], _) => Ok(()),
        (_, Some(authority)) if authority::is_authority(authority) => Ok(()),
        (_, Some(_)) => Err(Refusal::bad_request("invalid authority in the request target (RFC 9110 §4.2)")),
        (b"*", None) if method == b"OPTIONS" => Ok(()),
        (b"*", None) => Err(Refusal::bad_request("request target * without OPTIONS (RFC 9112 §3.2.4)")),
        _ => Err(Refusal::bad_request("request target is neither a path nor an http URI (RFC 9112 §3.2)")),
    }
}

fn check_size(raw: &[u8], target: &Target<'_>, limits: &Limits) -> Result<(), Refusal> {
    if raw.len() > longest(limits) {
        return Err(Refusal::uri_too_long("request target above its limit"));
    }
    if target.path.len() > limits.path {
        return Err(Refusal::uri_too_long("path above its limit"));
    }
    if target.query.is_some_and(|query| query.len() > limits.query) {
        return Err(Refusal::uri_too_long("query above its limit"));
    }
    if target.fragment.is_some_and(|fragment| fragment.len() > limits.fragment) {
        return Err(Refusal::uri_too_long("fragment above its limit"));
    }
    Ok(())
}

/// What stands before and behind the first `byte`.
fn cut(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match memchr(byte, bytes) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}

/// Length of `http://` or `https://` at the front, in any case (RFC 3986 §3.1).
fn scheme_len(bytes: &[u8]) -> Option<usize> {
    let starts_with = |scheme: &[u8]| bytes.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    [&b"http://"[..], b"https://"].iter().find(|scheme| starts_with(scheme)).map(|scheme| scheme.len())
}
