//! Request heads: the same verdict in one piece and in many; hyper sees the same in whatever is accepted; and what looks
//! at the fields afterwards looks at any.

#[path = "../../tests/head_rules/hyper.rs"]
mod hyper;

use http::request::Parts;
use iodine_core::http::head::{Head, Rules, Scan, inspect, scan};
use iodine_core::http::target::Target;
use iodine_core::sse::accept;
use iodine_core::ws::handshake;
use iodine_core::ws::origin::{self, AllowedOrigins};

use super::cuts;
use super::limits::LIMITS;

/// What became of a head: accepted with its length, refused with a status, or not complete.
type Verdict = Result<Option<(usize, Head)>, u16>;

/// See the module.
pub fn check(bytes: &[u8]) {
    let rules = Rules { limits: &LIMITS, methods: None };
    let whole = judge(&[bytes], &rules);
    for pieces in cuts::of(bytes) {
        assert_eq!(judge(&pieces, &rules), whole, "in {} pieces", pieces.len());
    }
    if let Ok(Some((len, head))) = whole {
        hyper::assert_hyper_accepts(&bytes[..len], &head);
        check_target(&bytes[..len], &head);
        look_at(&parts(&bytes[..len]));
    }
}

fn judge(pieces: &[&[u8]], rules: &Rules<'_>) -> Verdict {
    let mut buffer = Vec::new();
    for piece in pieces {
        let seen = buffer.len();
        buffer.extend_from_slice(piece);
        if let Scan::Complete(len) = scan(&buffer, seen, rules.limits).map_err(|refusal| refusal.status.as_u16())? {
            let head = inspect(&buffer[..len], rules).map_err(|refusal| refusal.status.as_u16())?;
            return Ok(Some((len, head)));
        }
    }
    Ok(None)
}

/// The parts of a raw target make up the target again.
fn check_target(bytes: &[u8], head: &Head) {
    let Some(raw) = head.raw_target.clone().map(|range| &bytes[range]) else { return };
    let Target { authority, path, query, fragment } = Target::split(raw);
    let parts = [authority, Some(path), query, fragment];
    let joined: usize = parts.iter().flatten().map(|part| part.len()).sum();
    assert!(joined <= raw.len() + 1, "more than there was: {raw:?}");
    assert!(path.starts_with(b"/") || path == b"*");
}

/// The request as hyper hands it on.
fn parts(bytes: &[u8]) -> Parts {
    let mut fields = vec![httparse::EMPTY_HEADER; LIMITS.header_count];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(bytes).expect("accepted before");
    let mut request =
        http::Request::builder().method(parsed.method.expect("a method")).uri(parsed.path.expect("a target"));
    for field in parsed.headers.iter() {
        request = request.header(field.name, field.value);
    }
    request.body(()).expect("accepted before").into_parts().0
}

fn look_at(parts: &Parts) {
    let _ = handshake::examine(parts);
    let _ = accept::wants_event_stream(&parts.headers);
    let listed = AllowedOrigins::List(vec!["https://*.example.com".into(), "http://a.example".into()]);
    for allowed in [AllowedOrigins::Same, listed] {
        let _ = origin::is_allowed(&parts.headers, &allowed);
    }
}
