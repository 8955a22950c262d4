//! A request takes one of two roads: with hyper, or without. A connection that has sent a body stays with hyper for a while,
//! so the same request behind one takes the other road: the client must not see a difference.

use bytes::Bytes;
use iodine_core::handoff::{FileBody, Payload, Reply};

use crate::support::{Call, Site, head, payload, status};

/// What the application answers, by the path.
fn answer(call: &mut Call<'_>) {
    let body = || payload(&["hel", "lo"]);
    let full = |code, fields: &[(&str, &str)], body| Reply::Full(head(code, fields), body);
    let reply = match call.path() {
        "/none" => full(200, &[], Payload::default()),
        "/created" => full(201, &[("location", "/x"), ("x-a", "1"), ("x-a", "2")], body()),
        "/accepted" => full(203, &[], body()),
        "/nothing" => full(204, &[], body()),
        "/nothing-declared" => full(204, &[("content-length", "5")], body()),
        "/reset" => full(205, &[], body()),
        "/unmodified" => full(304, &[("etag", "\"1\"")], Payload::default()),
        "/unmodified-declared" => full(304, &[("content-length", "5")], Payload::default()),
        "/unknown" => full(299, &[], body()),
        "/large" => full(413, &[], body()),
        "/declared" => full(200, &[("content-length", "5"), ("content-type", "text/plain")], body()),
        "/declared-less" => full(200, &[("content-length", "3")], body()),
        "/declared-none" => full(200, &[("content-length", "0")], body()),
        "/declared-more" => full(200, &[("content-length", "7")], body()),
        "/chunked" => full(200, &[("transfer-encoding", "chunked")], body()),
        "/dated" => full(200, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")], body()),
        "/closing" => full(200, &[("connection", "close")], body()),
        "/closing-among-others" => full(200, &[("connection", "x-a, Close")], body()),
        "/keeping" => full(200, &[("connection", "keep-alive")], body()),
        "/empty-field" => full(200, &[("x-empty", "")], body()),
        "/megabyte" => full(200, &[], Payload::from(Bytes::from(vec![b'x'; 1 << 20]))),
        "/file" => Reply::File(status(200), FileBody::whole(tempfile::tempfile().expect("a file"), 0)),
        "/abort" => Reply::Abort,
        "/lost" => Reply::Lost,
        "/stream" => {
            return call.stream(status(200), |body| {
                body.write(b"part");
                body.writer.finish();
            });
        }
        path => {
            let fields: Vec<_> = call.request.parts.headers.keys().map(ToString::to_string).collect();
            let text = format!("{path} {} {:?} {fields:?}", call.request.parts.uri, call.request.raw_target);
            full(200, &[], payload(&[&text]))
        }
    };
    call.answer(reply);
}

const TARGETS: [&str; 29] = [
    "/none",
    "/created",
    "/accepted",
    "/nothing",
    "/nothing-declared",
    "/reset",
    "/unmodified",
    "/unmodified-declared",
    "/unknown",
    "/large",
    "/declared",
    "/declared-less",
    "/declared-none",
    "/declared-more",
    "/chunked",
    "/dated",
    "/closing",
    "/closing-among-others",
    "/keeping",
    "/empty-field",
    "/megabyte",
    "/file",
    "/abort",
    "/lost",
    "/stream",
    "/echo?a=b&c",
    "/echo#fragment",
    "http://other.example:8080/echo?x",
    "/%C3%A4/{a}",
];

const FIELDS: [&str; 6] = [
    "",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Content-Length: 0\r\n",
    "Accept: text/plain\r\naccept: text/html\r\nX-Empty:\r\nX-Spaces: \t a b \t\r\n",
    "Expect: 100-continue\r\n",
];

/// All that comes in answer to a request and a second one, up to the end of the connection: lines, those of a head sorted,
/// without the dates.
fn told(site: &Site, request: &str, with_hyper: bool) -> Vec<String> {
    let mut client = site.connect();
    if with_hyper {
        assert_eq!(client.post("/none", "body").response().status, 200);
    }
    // The second one tells whether the connection lives on, and where the first answer has ended.
    client.send(format!("{request}GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")).finish_sending();
    let all = String::from_utf8(client.rest()).expect("text");
    let lines = all.split("\r\n").filter(|line| !line.starts_with("date: ") || line.contains("1994"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.split_mut(String::is_empty).filter(|head| head.len() > 1).for_each(|head| head[1..].sort());
    lines
}

#[test]
fn both_say_the_same() {
    let site = Site::serve(answer);
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        for target in TARGETS {
            for fields in FIELDS {
                let request = format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
                assert_eq!(told(&site, &request, false), told(&site, &request, true), "{request}");
            }
        }
    }
}

#[test]
fn many_fields_are_all_there_on_both() {
    let site = Site::serve(answer);
    let fields: String = (0..120).map(|number| format!("X-{number}: {number}\r\n")).collect();
    let request = format!("GET /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert!(told(&site, &request, false).iter().any(|line| line.contains("x-119")));
    assert_eq!(told(&site, &request, false), told(&site, &request, true));
}

#[test]
fn a_pipeline_may_change_roads_at_any_time() {
    let site = Site::serve(answer);
    let mut client = site.connect();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post = "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    let (plain, stream, more) = (get("/echo?1"), get("/stream"), get("/echo?2"));
    client.send(format!("{plain}{stream}{more}{post}{plain}\r\n\r\n{more}"));
    let bodies: Vec<_> = (0..6).map(|_| client.response().text()).collect();
    let bodies: Vec<_> = bodies.iter().map(|body| body.split(' ').nth(1).unwrap_or(body)).collect();
    assert_eq!(bodies, ["/echo?1", "part", "/echo?2", "", "/echo?1", "/echo?2"]);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_an_answer_leaves_nothing_to_others() {
    let site = Site::serve(answer);
    for _ in 0..20 {
        let mut gone = site.connect();
        gone.ask("/megabyte").head();
        gone.reset();
        assert!(site.get("/echo").text().starts_with("/echo "));
    }
}
