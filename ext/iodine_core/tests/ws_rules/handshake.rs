//! Which requests are opening handshakes, and whose pages may open a WebSocket.

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use iodine_core::ws::handshake::{Asked, examine};
use iodine_core::ws::origin::{AllowedOrigins, is_allowed};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A good handshake with some fields replaced (or left out, where the value is empty).
fn asked(changes: &[(&str, &str)]) -> Asked {
    let good = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];
    let mut request = Request::get("/").body(()).expect("a request").into_parts().0;
    for (name, value) in good.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)) {
        request.headers.append(*name, HeaderValue::from_static(value));
    }
    for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
        let name: HeaderName = name.parse().expect("a name");
        request.headers.append(name, value.parse().expect("a value"));
    }
    examine(&request)
}

#[test]
fn the_key_of_the_rfc_is_answered_as_it_says() {
    match asked(&[]) {
        Asked::WebSocket(handshake) => assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_in_lists_and_any_case() {
    for changes in [
        [("connection", "keep-alive, Upgrade")].as_slice(),
        &[("connection", "UPGRADE")],
        &[("connection", "keep-alive"), ("connection", "upgrade")],
        &[("upgrade", "WebSocket")],
        &[("upgrade", "h2c, websocket")],
    ] {
        assert!(matches!(asked(changes), Asked::WebSocket(_)), "{changes:?}");
    }
}

#[test]
fn what_is_no_handshake() {
    for changes in [
        [("connection", "")].as_slice(),
        &[("connection", "keep-alive")],
        &[("upgrade", "")],
        &[("upgrade", "h2c")],
        &[("sec-websocket-key", "")],
        &[("sec-websocket-key", "short")],
        &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR==")],
        &[("sec-websocket-key", KEY), ("sec-websocket-key", KEY)],
        &[("sec-websocket-version", "")],
        &[("sec-websocket-version", "13"), ("sec-websocket-version", "13")],
    ] {
        assert!(matches!(asked(changes), Asked::Nothing), "{changes:?}");
    }
}

#[test]
fn other_versions() {
    for version in ["8", "12", "14", "x"] {
        assert!(matches!(asked(&[("sec-websocket-version", version)]), Asked::WrongVersion), "{version}");
    }
}

#[test]
fn offered_protocols() {
    match asked(&[("sec-websocket-protocol", "chat, superchat"), ("sec-websocket-protocol", "third")]) {
        Asked::WebSocket(handshake) => {
            for (protocol, offered) in
                [("chat", true), ("superchat", true), ("third", true), ("CHAT", false), ("", false)]
            {
                assert_eq!(handshake.offers(protocol), offered, "{protocol}");
            }
        }
        other => panic!("{other:?}"),
    }
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn pages_of_the_same_host() {
    for (fields, allowed) in [
        ([("host", "a.example")].as_slice(), true),
        (&[("host", "a.example"), ("origin", "http://a.example")], true),
        (&[("host", "a.example"), ("origin", "https://A.example")], true),
        (&[("host", "a.example"), ("origin", "https://a.example:443")], true),
        (&[("host", "a.example:80"), ("origin", "http://a.example")], true),
        (&[("host", "localhost:3000"), ("origin", "http://localhost:3000")], true),
        (&[("host", "localhost:3000"), ("origin", "http://localhost:4000")], false),
        (&[("host", "app:3000"), ("x-forwarded-host", "a.example, proxy"), ("origin", "https://a.example")], true),
        (&[("host", "a.example"), ("origin", "http://b.example")], false),
        (&[("host", "a.example"), ("origin", "http://a.example.evil.example")], false),
        (&[("host", "a.example"), ("origin", "null")], false),
        (&[("host", "a.example"), ("origin", "http://a.example/path")], false),
        (&[("host", "a.example"), ("origin", "")], false),
    ] {
        assert_eq!(is_allowed(&headers(fields), &AllowedOrigins::Same), allowed, "{fields:?}");
    }
}

#[test]
fn pages_of_a_list() {
    let list = AllowedOrigins::List(vec!["https://a.example".into(), "https://*.b.example".into()]);
    for (origin, allowed) in [
        ("https://a.example", true),
        ("http://a.example", false),
        ("https://x.b.example", true),
        ("https://x.y.b.example", true),
        ("https://b.example", false),
        ("https://evilb.example", false),
        ("http://x.b.example", false),
    ] {
        assert_eq!(is_allowed(&headers(&[("origin", origin)]), &list), allowed, "{origin}");
    }
    assert!(is_allowed(&headers(&[("origin", "http://anything.example")]), &AllowedOrigins::Any));
}
