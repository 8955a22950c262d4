//! What can be read of a head that was refused, for those who are told about it: the access log, and the error handler of
//! the app. Nothing of it was judged, and nothing is served by it.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::head::octets;
use crate::settings::Limits;

/// Beside these everything that is not ASCII. See [`octets::are_target`].
const STRANGE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// The parts that could be told apart.
#[derive(Debug)]
pub(crate) struct Salvage {
    /// Method, target, version, and the fields before the first that is none. Where there is not even a method they are
    /// those of [`nothing`].
    pub(crate) parts: Parts,
    /// The target as it was sent, cut at the limit of a target.
    pub(crate) raw_target: Option<Bytes>,
    /// Whether there is a method.
    pub(crate) any: bool,
}

/// Of bytes that begin with the head. Empty where they are no HTTP.
pub(crate) fn read(head: &[u8], limits: &Limits) -> Salvage {
    let start = head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut lines = head[start..].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().unwrap_or_default();
    let length = octets::token_len(line);
    let (method, rest) = line.split_at(length);
    let (Ok(method), Some(rest), true) = (Method::from_bytes(method), rest.strip_prefix(b" "), length <= limits.method)
    else {
        return nothing();
    };
    let end = memchr::memmem::rfind(rest, b" HTTP/").unwrap_or(rest.len());
    let target = &rest[..end.min(limits.uri)];
    let mut parts = Request::new(()).into_parts().0;
    parts.method = method;
    parts.uri = uri(target);
    parts.version = match &rest[end..] {
        b" HTTP/1.1" => Version::HTTP_11,
        b" HTTP/1.0" => Version::HTTP_10,
        _ => Version::HTTP_09,
    };
    parts.headers = fields(lines, limits);
    Salvage { parts, raw_target: Some(Bytes::copy_from_slice(target)), any: true }
}

/// Of a client that has said nothing in HTTP. Where a line is made of it, all of its words are `-`.
pub(crate) fn nothing() -> Salvage {
    let mut parts = Request::new(()).into_parts().0;
    parts.method = Method::from_bytes(b"-").unwrap_or_default();
    // An authority, which has no path.
    parts.uri = Uri::from_static("-");
    parts.version = Version::HTTP_09;
    Salvage { parts, raw_target: Some(Bytes::from_static(b"-")), any: false }
}

/// What no target may contain is escaped.
fn uri(target: &[u8]) -> Uri {
    percent_encode(target, STRANGE).to_string().parse().unwrap_or_default()
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> HeaderMap {
    lines.take(limits.header_count).map_while(|line| field(line, limits)).collect()
}

fn field(line: &[u8], limits: &Limits) -> Option<(HeaderName, HeaderValue)> {
    let colon = memchr::memchr(b':', line).filter(|length| *length <= limits.header_name)?;
    let value = line[colon + 1..].trim_ascii();
    let value = Some(value).filter(|value| value.len() <= limits.header_value)?;
    Some((HeaderName::from_bytes(&line[..colon]).ok()?, HeaderValue::from_bytes(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            path: 20,
            uri: 30,
            query: 20,
            fragment: 20,
            header_name: 10,
            header_value: 10,
            head: 1000,
            header_count: 3,
            method: 10,
            chunk_line: 10,
            chunk_extensions: 10,
            body_memory: 10,
            content_length: None,
            min_body_rate: 0,
        }
    }

    fn of(head: &str) -> Salvage {
        read(head.as_bytes(), &limits())
    }

    #[test]
    fn a_head_is_read_up_to_what_is_wrong() {
        let found = of("\r\nPOST /a?b=1 HTTP/1.0\r\nhost: x\r\na: 1\r\nwrong\r\nb: 2\r\n\r\n");
        assert!(found.any);
        assert_eq!(found.parts.method, Method::POST);
        assert_eq!(found.parts.uri.path_and_query().map(ToString::to_string).as_deref(), Some("/a?b=1"));
        assert_eq!(found.parts.version, Version::HTTP_10);
        assert_eq!(found.parts.headers.keys().collect::<Vec<_>>(), ["host", "a"]);
    }

    #[test]
    fn other_versions_are_none_of_ours() {
        for head in ["GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1x\r\n\r\n", "GET /\r\n\r\n"] {
            assert_eq!(of(head).parts.version, Version::HTTP_09, "{head}");
        }
    }

    #[test]
    fn repeated_fields_are_all_there() {
        assert_eq!(of("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n").parts.headers.get_all("host").iter().count(), 2);
    }

    #[test]
    fn limits_hold() {
        let found =
            of("GET /0123456789012345678901234567890123456789 HTTP/1.1\r\na: 1\r\nb: 01234567890\r\nc: 1\r\n\r\n");
        assert_eq!(found.raw_target.map(|raw| raw.len()), Some(30));
        assert_eq!(found.parts.headers.len(), 1);
        assert_eq!(of("GET / HTTP/1.1\na: 1\nb: 1\nc: 1\nd: 1\n\n").parts.headers.len(), 3);
        assert_eq!(of("GET / HTTP/1.1\r\n01234567890: 1\r\n\r\n").parts.headers.len(), 0);
    }

    #[test]
    fn a_target_that_is_none_is_escaped() {
        let found = of("GET /a\"b c\u{e9} HTTP/1.1\r\n\r\n");
        assert_eq!(found.parts.uri.path(), "/a%22b%20c%C3%A9");
        assert_eq!(found.raw_target.as_deref(), Some("/a\"b c\u{e9}".as_bytes()));
    }

    #[test]
    fn what_is_no_http_has_no_parts() {
        for head in [
            "",
            "\r\n",
            "nonsense",
            "nonsense\r\n\r\n",
            "\u{16}\u{3}\u{1}",
            "TOOLONGMETHOD / HTTP/1.1\r\n\r\n",
            "(x) / HTTP/1.1",
        ] {
            assert!(!of(head).any, "{head}");
        }
    }
}
