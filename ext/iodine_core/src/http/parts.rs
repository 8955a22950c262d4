//! A request's parts out of a head that was judged, for exchanges without hyper.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Uri};
use memchr::memchr;

use super::head::octets;
use crate::handoff::maps;

/// Reads method, target and fields of a head of HTTP/1.1 that [`super::head::inspect`] has accepted into `parts`, which are
/// those of no request. `None` where the `http` crate finds fault with it: hyper knows what to say then.
pub(super) fn read(head: &Bytes, parts: &mut Parts) -> Option<()> {
    let start = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let (line, mut rest) = line(head, start)?;
    let method = &line[..octets::token_len(line)];
    let target = line.get(method.len() + 1..line.len() - " HTTP/1.1".len())?;
    parts.method = Method::from_bytes(method).ok()?;
    parts.uri = Uri::from_maybe_shared(head.slice_ref(target)).ok()?;
    parts.headers = maps::take();
    while head[rest..] != *b"\r\n" {
        let (field, next) = self::line(head, rest)?;
        let name = &field[..octets::token_len(field)];
        let value = head.slice_ref(octets::trim(field.get(name.len() + 1..)?));
        let name = HeaderName::from_bytes(name).ok()?;
        parts.headers.try_append(name, HeaderValue::from_maybe_shared(value).ok()?).ok()?;
        rest = next;
    }
    Some(())
}

/// The line that begins at `start`, without its end, and where the next one begins.
fn line(head: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let length = memchr(b'\r', &head[start..])?;
    Some((&head[start..start + length], start + length + 2))
}
