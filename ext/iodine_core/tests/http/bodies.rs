//! Request bodies: complete before the application sees them, or never seen at all.

use std::time::Duration;

use iodine_core::handoff::RequestBody;
use iodine_core::settings::Settings;

use crate::support::{Call, Site, eventually};

/// Answers with where the body was kept, its length, and a sum of its bytes.
fn describe(call: &mut Call<'_>) {
    let kept = match &call.request.body {
        RequestBody::Empty => "nowhere",
        RequestBody::Memory(_) => "memory",
        RequestBody::File { .. } => "file",
    };
    let declared = call.request.body.len();
    let body = call.body();
    assert_eq!(declared, body.len() as u64);
    call.text(&format!("{kept} {} {}", body.len(), sum(&body)));
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().map(|(at, byte)| (at as u64 + 1) * u64::from(*byte)).sum()
}

/// Bytes that differ from their neighbours.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    for chunk in body.chunks(size) {
        encoded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        encoded.extend_from_slice(chunk);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded.extend_from_slice(b"0\r\n\r\n");
    encoded
}

fn small_memory(settings: &mut Settings) {
    settings.limits.body_memory = 1000;
}

/// Asserts where a body of this length is kept, sent whole and in chunks of different sizes.
fn assert_kept(change: fn(&mut Settings), length: usize, place: &str) {
    let site = Site::with(change, describe);
    let body = bytes(length);
    let expected = format!("{place} {length} {}", sum(&body));
    let mut client = site.connect();
    assert_eq!(client.post("/", &body).response().text(), expected);
    for size in [1 + length / 3, length.max(1)] {
        assert_eq!(client.post_chunked("/").send(chunked(&body, size)).response().text(), expected);
    }
}

#[test]
fn no_body_is_nowhere() {
    let site = Site::with(|_| {}, describe);
    let mut client = site.connect();
    assert_eq!(client.post("/", b"").response().text(), "nowhere 0 0");
}

/// The application is told its length, as of every body that came in chunks.
#[test]
fn an_empty_body_in_chunks_is_one() {
    let site = Site::with(|_| {}, describe);
    let mut client = site.connect();
    assert_eq!(client.post_chunked("/").send(chunked(b"", 1)).response().text(), "memory 0 0");
}

#[test]
fn a_small_body_is_in_memory() {
    assert_kept(|_| {}, 5, "memory");
}

#[test]
fn a_body_of_exactly_the_limit_is_in_memory() {
    assert_kept(small_memory, 1000, "memory");
    assert_kept(|_| {}, 114_688, "memory");
}

#[test]
fn a_body_of_one_byte_more_is_in_a_file() {
    assert_kept(small_memory, 1001, "file");
    assert_kept(|_| {}, 114_689, "file");
}

#[test]
fn a_body_of_some_megabytes_is_complete() {
    assert_kept(|_| {}, 5_000_000, "file");
}

#[test]
fn without_memory_every_body_is_in_a_file() {
    assert_kept(|settings| settings.limits.body_memory = 0, 1, "file");
}

#[test]
fn a_chunked_body_may_come_byte_by_byte() {
    let site = Site::with(small_memory, describe);
    let body = bytes(1100);
    let mut client = site.connect();
    client.post_chunked("/");
    for byte in chunked(&body, 300) {
        client.send([byte]);
    }
    assert_eq!(client.response().text(), format!("file 1100 {}", sum(&body)));
    assert_eq!(client.post("/", "x").response().text(), "memory 1 120");
}

#[test]
fn a_request_runs_after_its_body_is_there_and_not_before() {
    let site = Site::serve(describe);
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    eventually("the connection is there", || site.server.stats().1 == 1);
    assert!(client.hears_nothing_for(Duration::from_millis(30)));
    assert_eq!(site.stats().requests, 0);
    assert_eq!(client.send("o").response().text(), format!("memory 5 {}", sum(b"hello")));
}

#[test]
fn the_time_a_body_took_is_told() {
    let site = Site::serve(|call| {
        let wait = call.request.body_wait;
        call.text(if wait >= Duration::from_millis(20) { "long" } else { "short" });
    });
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "short");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    assert!(client.hears_nothing_for(Duration::from_millis(60)));
    assert_eq!(client.send("o").response().text(), "long");
}

#[test]
fn trailers_are_not_merged_into_the_fields() {
    let site = Site::serve(|call| {
        let trailer = call.request.parts.headers.contains_key("x-late");
        call.text(&trailer.to_string());
    });
    let mut client = site.connect();
    client.post_chunked("/").send("1\r\nx\r\n0\r\nX-Late: 1\r\n\r\n").ask("/");
    assert_eq!(client.response().text(), "false");
    assert_eq!(client.response().text(), "false");
}

#[test]
fn a_broken_chunk_is_refused_and_the_application_not_run() {
    for broken in [
        "zz\r\n",
        "5\r\nhello!",
        "5\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nbad\r\n\r\n",
    ] {
        let site = Site::serve(describe);
        let mut client = site.connect();
        let refusal = client.post_chunked("/form").send("3\r\nabc\r\n").send(broken).response();
        assert_eq!((refusal.status, refusal.closes()), (400, true), "{broken:?}");
        client.expect_end();
        let line = site.log_line("HTTP parse error, malformed request");
        assert!(line.contains("POST /form"), "{line}");
        assert_eq!(site.stats().requests, 0, "{broken:?}");
    }
}

#[test]
fn a_body_that_is_cut_is_dropped_without_a_word() {
    let site = Site::serve(describe);
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell").finish_sending().expect_end();
    let mut client = site.connect();
    client.post_chunked("/").send("5\r\nhell").finish_sending().expect_end();
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    client.reset();
    eventually("all connections are gone", || site.server.stats().1 == 0);
    assert_eq!(site.log_lines(), Vec::<String>::new());
    assert_eq!(site.stats().requests, 0);
}

#[test]
fn a_declared_length_above_the_limit_is_refused_before_the_body() {
    let site = Site::with(|settings| settings.limits.content_length = Some(10), describe);
    let mut client = site.connect();
    client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    let refusal = client.response();
    assert_eq!((refusal.status, refusal.closes()), (413, true));
    client.expect_end();
    site.log_line("413");
    assert_eq!(site.connect().post("/", "0123456789").response().status, 200);
}

#[test]
fn chunks_above_the_limit_are_refused_in_their_middle() {
    let site = Site::with(|settings| settings.limits.content_length = Some(10), describe);
    let mut client = site.connect();
    let refusal = client.post_chunked("/").send("5\r\nhello\r\n6\r\nwo").response();
    assert_eq!((refusal.status, refusal.closes()), (413, true));
    client.expect_end();
    site.log_line("413");
    assert_eq!(site.stats().requests, 0);
    let response = site.connect().post_chunked("/").send("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n").response();
    assert_eq!(response.status, 200);
}

#[test]
fn a_client_that_waits_for_100_is_told_to_continue() {
    let site = Site::serve(describe);
    let mut client = site.connect();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(client.head().status, 100);
        assert_eq!(client.send("hello").response().text(), format!("memory 5 {}", sum(b"hello")));
    }
}

#[test]
fn a_client_that_does_not_wait_for_100_is_served_too() {
    let site = Site::serve(describe);
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    let mut response = client.head();
    if response.status == 100 {
        response = client.head();
    }
    assert_eq!(response.status, 200);
}

#[test]
fn without_a_body_there_is_no_100() {
    let site = Site::serve(describe);
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response().status, 200);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.response().status, 200);
    client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.response().status, 200);
}

#[test]
fn a_body_that_cannot_be_stored_is_answered_with_503() {
    let site = Site::with(
        |settings| {
            small_memory(settings);
            settings.spool_dir = "/nowhere/at/all".into();
        },
        describe,
    );
    let mut client = site.connect();
    let refusal = client.post("/upload", bytes(2000)).response();
    assert_eq!((refusal.status, refusal.closes()), (503, true));
    assert_eq!(refusal.field("retry-after"), Some("1"));
    let line = site.log_line("/nowhere/at/all");
    assert!(line.contains("spool_dir"), "{line}");
    site.log_line("POST /upload");
    assert_eq!(site.connect().post("/", bytes(1000)).response().status, 200);
}

#[test]
fn a_stored_body_leaves_no_name_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().to_owned();
    let site = Site::with(
        move |settings| {
            small_memory(settings);
            settings.spool_dir = spool;
        },
        describe,
    );
    assert!(site.connect().post("/", bytes(2000)).response().text().starts_with("file"));
    let names = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(names, 0);
}

#[test]
fn many_uploads_at_once_are_all_complete() {
    let site = Site::with(small_memory, describe);
    let mut clients: Vec<_> = (0..20).map(|_| site.connect()).collect();
    let bodies: Vec<_> = (0..20).map(|number| bytes(900 + number * 10_000)).collect();
    for (client, body) in clients.iter_mut().zip(&bodies) {
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    }
    // In turns, so that they are under way together.
    let longest = bodies.iter().map(Vec::len).max().unwrap_or_default();
    for from in (0..longest).step_by(10_000) {
        for (client, body) in clients.iter_mut().zip(&bodies) {
            client.send(&body[from.min(body.len())..(from + 10_000).min(body.len())]);
        }
    }
    for (client, body) in clients.iter_mut().zip(&bodies) {
        let place = if body.len() <= 1000 { "memory" } else { "file" };
        assert_eq!(client.response().text(), format!("{place} {} {}", body.len(), sum(body)));
    }
}
