//! Answers that are known when they are given: lengths, pieces, and the statuses that have no body.

use bytes::Bytes;
use iodine_core::handoff::{Payload, Reply};

use crate::support::{Call, Response, Site, head, payload, status};

/// A site that answers everything with what `reply` makes.
fn site(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Site {
    Site::serve(move |call: &mut Call<'_>| call.answer(reply()))
}

/// The answer to a GET, asserted to leave the connection usable.
fn get(site: &Site) -> Response {
    ask(site, "GET")
}

fn ask(site: &Site, method: &str) -> Response {
    let mut client = site.connect();
    client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
    let response = if method == "HEAD" { client.head() } else { client.response() };
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().status, response.status, "the next answer follows at once");
    response
}

#[test]
fn a_body_has_its_length() {
    let site = site(|| Reply::Full(status(200), payload(&["hello"])));
    let response = get(&site);
    assert_eq!((response.version, response.status, response.text().as_str()), (1, 200, "hello"));
    assert_eq!(response.field("content-length"), Some("5"));
    assert_eq!(response.field("transfer-encoding"), None);
}

#[test]
fn pieces_arrive_in_their_order() {
    let site = site(|| {
        let mut payload = Payload::default();
        for number in 0..2000 {
            payload.push(Bytes::from(format!("{number},")));
        }
        Reply::Full(status(200), payload)
    });
    let expected: String = (0..2000).map(|number| format!("{number},")).collect();
    assert_eq!(get(&site).text(), expected);
}

#[test]
fn small_and_large_pieces_mix() {
    let pieces = || [vec![b'a'; 3], vec![b'b'; 1_500_000], vec![b'c'; 1], vec![b'd'; 700_000], vec![b'e'; 1020]];
    let site = site(move || {
        let mut payload = Payload::default();
        for piece in pieces() {
            payload.push(Bytes::from(piece));
        }
        Reply::Full(status(200), payload)
    });
    assert!(get(&site).body == pieces().concat());
}

#[test]
fn lengths_around_the_size_that_is_joined_with_the_head_are_right() {
    for length in [0, 1, 500, 850, 900, 1000, 1023, 1024, 1025, 5000] {
        let body = || vec![b'x'; length];
        let site = site(move || Reply::Full(status(200), Payload::from(Bytes::from(vec![b'x'; length]))));
        assert_eq!(get(&site).body, body(), "{length}");
    }
}

#[test]
fn no_body_has_length_0() {
    let site = site(|| Reply::Full(status(200), Payload::default()));
    assert_eq!(get(&site).field("content-length"), Some("0"));
}

#[test]
fn more_than_was_declared_is_cut() {
    let site = site(|| Reply::Full(head(200, &[("content-length", "3")]), payload(&["he", "ll", "o"])));
    let response = get(&site);
    assert_eq!((response.field("content-length"), response.text().as_str()), (Some("3"), "hel"));
}

#[test]
fn what_the_application_says_about_chunks_is_dropped() {
    let site = site(|| Reply::Full(head(200, &[("transfer-encoding", "chunked")]), payload(&["hello"])));
    let response = get(&site);
    assert_eq!(response.field("transfer-encoding"), None);
    assert_eq!(response.text(), "hello");
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let site = site(|| Reply::Full(head(200, &[("x-a", "1")]), payload(&["hello"])));
    let response = ask(&site, "HEAD");
    assert_eq!((response.field("content-length"), response.field("x-a")), (Some("5"), Some("1")));
}

#[test]
fn head_keeps_the_length_that_was_declared() {
    let site = site(|| Reply::Full(head(200, &[("content-length", "1234")]), Payload::default()));
    let mut client = site.connect();
    let response = client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert_eq!(response.field("content-length"), Some("1234"));
}

#[test]
fn head_that_leaves_hyper_has_no_body_either() {
    let site = Site::serve(|call| match call.path() {
        "/framed" => call.framed(head(200, &[("transfer-encoding", "chunked")]), |body| {
            body.write(b"5\r\nhello\r\n0\r\n\r\n");
            body.writer.finish();
        }),
        "/stream" => call.stream(status(200), |body| {
            body.write(b"hello");
            body.writer.finish();
        }),
        _ => {
            let file = tempfile::tempfile().expect("a file");
            file.set_len(100).expect("a long file");
            call.file(file, 100);
        }
    });
    let mut client = site.connect();
    for path in ["/framed", "/stream", "/file", "/framed"] {
        let response = client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n")).head();
        assert_eq!(response.status, 200, "{path}");
        if path == "/file" {
            assert_eq!(response.field("content-length"), Some("100"));
        }
    }
    assert_eq!(client.get("/stream").text(), "hello");
}

#[test]
fn no_content_has_neither_body_nor_length() {
    let site = site(|| Reply::Full(head(204, &[("content-length", "5")]), payload(&["hello"])));
    let response = get(&site);
    assert_eq!((response.field("content-length"), response.field("transfer-encoding")), (None, None));
}

#[test]
fn reset_content_has_length_0() {
    let site = site(|| Reply::Full(status(205), payload(&["hello"])));
    let response = get(&site);
    assert_eq!((response.field("content-length"), response.text().as_str()), (Some("0"), ""));
}

#[test]
fn not_modified_has_no_body() {
    let site = site(|| Reply::Full(head(304, &[("etag", "\"a\"")]), payload(&["hello"])));
    let response = get(&site);
    assert_eq!((response.field("content-length"), response.field("transfer-encoding")), (None, None));
    assert_eq!(response.field("etag"), Some("\"a\""));
}

#[test]
fn not_modified_keeps_the_length_that_was_declared() {
    let site = site(|| Reply::Full(head(304, &[("content-length", "1234")]), Payload::default()));
    assert_eq!(get(&site).field("content-length"), Some("1234"));
}

#[test]
fn a_stream_for_a_status_without_body_is_over_at_once() {
    for code in [204, 205, 304] {
        let site = Site::serve(move |call| {
            call.stream(status(code), |body| while body.write(&[b'x'; 1000]) {});
        });
        let response = get(&site);
        assert_eq!((response.status, response.body.len()), (code, 0));
    }
}

#[test]
fn an_unknown_status_has_a_reason_all_the_same() {
    let site = site(|| Reply::Full(head(599, &[("connection", "close")]), Payload::default()));
    let answer = String::from_utf8(site.connect().ask("/").rest()).expect("ASCII");
    assert!(answer.starts_with("HTTP/1.1 599 CUSTOM\r\n"), "{answer}");
}

#[test]
fn reasons_are_those_of_rfc_9110() {
    for (code, reason) in
        [(203, "Non-Authoritative Information"), (413, "Content Too Large"), (422, "Unprocessable Content")]
    {
        let site = site(move || Reply::Full(head(code, &[("connection", "close")]), Payload::default()));
        let answer = String::from_utf8(site.connect().ask("/").rest()).expect("ASCII");
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} {reason}\r\n")), "{answer}");
    }
}

#[test]
fn fields_of_one_name_stay_apart_and_in_order() {
    let site =
        site(|| Reply::Full(head(200, &[("set-cookie", "a=1"), ("x", "y"), ("set-cookie", "b=2")]), payload(&[])));
    let response = get(&site);
    let cookies: Vec<_> =
        response.fields.iter().filter(|field| field.0 == "set-cookie").map(|field| &field.1).collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[test]
fn the_date_of_the_application_counts() {
    for code in [200, 304] {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        // A 304 with a length leaves hyper.
        let site =
            site(move || Reply::Full(head(code, &[("date", date), ("content-length", "0")]), Payload::default()));
        assert_eq!(get(&site).field("date"), Some(date));
    }
}

#[test]
fn http_1_0_gets_no_chunks() {
    let site = Site::serve(|call| {
        call.stream(status(200), |body| {
            body.write(b"one ");
            body.write(b"two");
            body.writer.finish();
        });
    });
    let mut client = site.connect();
    let response = client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").response();
    assert_eq!(response.field("transfer-encoding"), None);
    assert_ne!(response.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("keep-alive"));
    assert_eq!(response.text(), "one two");
    client.expect_end();
}

#[test]
fn http_1_0_is_kept_alive_behind_a_stream_of_known_length() {
    let site = Site::serve(|call| {
        call.stream(head(200, &[("content-length", "7")]), |body| {
            body.write(b"one ");
            body.write(b"two");
            body.writer.finish();
        });
    });
    let mut client = site.connect();
    for _ in 0..2 {
        let response = client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").response();
        assert_eq!(response.text(), "one two");
    }
}

#[test]
fn less_than_was_declared_ends_the_connection() {
    let site = site(|| Reply::Full(head(200, &[("content-length", "10")]), payload(&["hello"])));
    let answer = site.connect().ask("/").rest();
    let text = String::from_utf8_lossy(&answer);
    // Cut, as a stream would be, or refused; nothing else can follow on this connection.
    assert!(text.ends_with("\r\n\r\nhello") || text.starts_with("HTTP/1.1 500 "), "{text:?}");
}

#[test]
fn what_hyper_would_add_by_itself_is_known() {
    let site = site(|| Reply::Full(head(200, &[("x-a", "1")]), payload(&["ok"])));
    let mut names: Vec<_> = site.get("/").fields.into_iter().map(|field| field.0).collect();
    names.sort();
    assert_eq!(names, ["content-length", "date", "x-a"]);
}
