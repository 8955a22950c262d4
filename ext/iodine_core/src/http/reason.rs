//! The words behind a status code.

use http::StatusCode;

/// The reason phrase of a status: RFC 9110's, where the `http` crate still has an older one, and Puma's for a code that
/// nobody has registered.
pub(crate) fn phrase(status: StatusCode) -> &'static str {
    own(status).or_else(|| status.canonical_reason()).unwrap_or("CUSTOM")
}

/// The phrase, where hyper would send another one.
pub(crate) fn unlike_hyper(status: StatusCode) -> Option<&'static str> {
    if status.canonical_reason().is_none() { Some(phrase(status)) } else { own(status) }
}

fn own(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        203 => Some("Non-Authoritative Information"),
        413 => Some("Content Too Large"),
        422 => Some("Unprocessable Content"),
        _ => None,
    }
}
