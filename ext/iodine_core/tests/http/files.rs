//! Answers from files.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use iodine_core::handoff::{FileBody, Reply};

use crate::support::{Response, Site, eventually, head, timed};

/// A file with these bytes.
fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room for it");
    file.rewind().expect("a start");
    file
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 13 % 253) as u8).collect()
}

/// A site that answers with a file of so many bytes.
fn site(length: usize) -> Site {
    Site::serve(move |call| {
        if call.path() == "/text" {
            return call.text("text");
        }
        call.file(file(&bytes(length)), length as u64);
    })
}

#[test]
fn a_file_is_sent_from_its_start() {
    let site = site(1000);
    let mut client = site.connect();
    let response = client.get("/");
    assert_eq!(response.field("content-length"), Some("1000"));
    assert_eq!(response.body, bytes(1000));
    assert!(response.field("date").is_some());
    assert_eq!(client.get("/text").text(), "text");
}

#[test]
fn a_file_of_several_megabytes_is_whole() {
    let site = site(9_000_001);
    let mut client = site.connect();
    for _ in 0..2 {
        assert!(client.get("/").body == bytes(9_000_001));
    }
}

#[test]
fn an_empty_file_is_an_empty_body() {
    let site = site(0);
    let mut client = site.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/").field("content-length"), Some("0"));
    }
}

#[test]
fn files_among_pipelined_requests_keep_their_place() {
    let site = site(200_000);
    let mut client = site.connect();
    client.ask("/text").ask("/").ask("/text").ask("/").ask("/").ask("/text");
    for expected in ["text", "file", "text", "file", "file", "text"] {
        let body = client.response().body;
        assert_eq!(body.len(), if expected == "file" { 200_000 } else { 4 });
    }
}

#[test]
fn a_request_that_comes_in_pieces_behind_a_file_is_served() {
    let site = site(100);
    let mut client = site.connect();
    client.ask("/").send("GET /te");
    assert_eq!(client.response().body.len(), 100);
    assert_eq!(client.send("xt HTTP/1.1\r\nHost: a\r\n\r\n").response().text(), "text");
}

#[test]
fn a_body_behind_a_file_is_received() {
    let site = Site::serve(|call| {
        let body = call.body();
        if body.is_empty() {
            return call.file(file(b"file"), 4);
        }
        call.text(&String::from_utf8_lossy(&body));
    });
    let mut client = site.connect();
    client.ask("/").post("/", "hello").ask("/").post_chunked("/").send("5\r\nworld\r\n0\r\n\r\n");
    for expected in ["file", "hello", "file", "world"] {
        assert_eq!(client.response().text(), expected);
    }
}

#[test]
fn no_more_than_the_given_length_is_sent() {
    let site = Site::serve(|call| call.file(file(b"hello world"), 5));
    let mut client = site.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/").text(), "hello");
    }
}

#[test]
fn a_file_that_has_become_shorter_never_looks_complete() {
    for (real, promised) in [(1000, 5000), (0, 5000), (3_000_000, 3_000_001)] {
        let site = Site::serve(move |call| call.file(file(&bytes(real)), promised));
        let answer = site.connect().ask("/").rest();
        let Some((response, head)) = Response::parse(&answer) else {
            assert_eq!(answer, b"", "no answer at all is as good");
            continue;
        };
        assert_eq!(response.field("content-length"), Some(promised.to_string().as_str()));
        assert!(bytes(real).starts_with(&answer[head..]), "{real} of {promised}");
    }
}

#[test]
fn what_the_application_says_about_length_and_chunks_is_corrected() {
    let site = Site::serve(|call| {
        let head = head(200, &[("content-length", "77"), ("transfer-encoding", "chunked"), ("x-a", "1")]);
        call.answer(Reply::File(head, FileBody::whole(file(b"hello"), 5)));
    });
    let response = site.get("/");
    assert_eq!((response.field("content-length"), response.field("transfer-encoding")), (Some("5"), None));
    assert_eq!((response.field("x-a"), response.text().as_str()), (Some("1"), "hello"));
}

#[test]
fn the_position_of_the_file_does_not_matter() {
    let site = Site::serve(|call| {
        let mut file = file(b"hello");
        file.seek(SeekFrom::Start(3)).expect("a position");
        call.file(file, 5);
    });
    assert_eq!(site.get("/").text(), "hello");
}

#[test]
fn a_file_ends_the_connection_where_it_has_to() {
    let site = site(10);
    let mut client = site.connect();
    let response = client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
    assert!(response.closes());
    client.expect_fin();
    let mut client = site.connect();
    let response = client.send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!(response.body.len(), 10);
    client.expect_fin();
}

#[test]
fn a_file_keeps_http_1_0_alive_where_the_client_asks_for_it() {
    let site = site(10);
    let mut client = site.connect();
    for _ in 0..2 {
        let response = client.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").response();
        assert_eq!((response.field("connection"), response.body.len()), (Some("keep-alive"), 10));
    }
}

#[test]
fn an_application_that_says_close_is_obeyed_behind_a_file() {
    let site = Site::serve(|call| {
        call.answer(Reply::File(head(200, &[("connection", "close")]), FileBody::whole(file(b"hello"), 5)))
    });
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "hello");
    client.expect_fin();
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_file_is_forgotten() {
    let site = site(30_000_000);
    let mut client = site.connect();
    client.ask("/").head();
    client.reset();
    eventually("the connection is gone", || site.server.stats().1 == 0);
}

#[test]
fn quick_answers_do_not_wait_for_a_large_file() {
    let site = site(60_000_000);
    let mut slow = site.connect();
    slow.ask("/").head();
    // Its buffers are full soon: the rest waits for the client.
    let (response, time) = timed(|| site.get("/text"));
    assert_eq!(response.text(), "text");
    assert!(time < Duration::from_secs(2), "{time:?}");
    assert_eq!(slow.take(60_000_000).len(), 60_000_000);
}
