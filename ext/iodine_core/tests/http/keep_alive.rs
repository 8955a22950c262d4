//! One connection, several requests.

use std::sync::Arc;
use std::time::Duration;

use iodine_core::handoff::Reply;

use crate::support::{Call, Gate, Site, eventually, head, payload, timed};

/// Answers with the request's path.
fn echo_path(call: &mut Call<'_>) {
    let path = call.path().to_owned();
    call.text(&path);
}

const PIPELINED: &str =
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    for path in ["/a", "/b", "/c"] {
        let response = client.get(path);
        assert_eq!((response.status, response.text().as_str()), (200, path));
        assert_eq!(response.field("connection"), None);
    }
}

#[test]
fn a_response_carries_a_date() {
    let site = Site::serve(echo_path);
    assert!(site.get("/").field("date").is_some_and(|date| date.ends_with(" GMT")));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    client.send(PIPELINED);
    for path in ["/1", "/2", "/3"] {
        assert_eq!(client.response().text(), path);
    }
}

#[test]
fn a_slow_first_request_keeps_its_place_before_pipelined_ones() {
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            if call.path() == "/1" {
                call.unlocked(|| gate.wait());
            }
            echo_path(call);
        }
    });
    let mut client = site.connect();
    client.send(PIPELINED);
    eventually("the first is in the application", || site.inside() == 1);
    assert!(client.hears_nothing_for(Duration::from_millis(30)));
    gate.open();
    for path in ["/1", "/2", "/3"] {
        assert_eq!(client.response().text(), path);
    }
}

#[test]
fn a_hundred_pipelined_requests_are_answered_in_order() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    for number in 0..100 {
        client.ask(&format!("/{number}"));
    }
    for number in 0..100 {
        assert_eq!(client.response().text(), format!("/{number}"));
    }
}

#[test]
fn a_request_behind_a_body_is_served() {
    let site = Site::serve(|call| {
        let body = call.body();
        call.text(&String::from_utf8_lossy(&body));
    });
    let mut client = site.connect();
    client.post("/", "hello").post_chunked("/").send("5\r\nworld\r\n0\r\n\r\n").ask("/");
    assert_eq!(client.response().text(), "hello");
    assert_eq!(client.response().text(), "world");
    assert_eq!(client.response().text(), "");
}

#[test]
fn a_head_that_comes_byte_by_byte_is_served() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    for byte in b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.response().text(), "/slow");
}

#[test]
fn the_application_sees_the_bytes_of_an_unusual_target() {
    let site = Site::serve(|call| {
        let target = call.request.raw_target.clone().unwrap_or_default();
        call.text(&String::from_utf8_lossy(&target));
    });
    let mut client = site.connect();
    let response = client.send("GET http://a.example/x?y#z HTTP/1.1\r\nHost: a.example\r\n\r\n").response();
    assert_eq!(response.text(), "http://a.example/x?y#z");
    // It does not stick to the connection.
    assert_eq!(client.get("/plain").text(), "");
}

#[test]
fn more_than_a_hundred_fields_are_no_problem() {
    let site = Site::serve(|call| {
        let fields = call.request.parts.headers.len();
        call.text(&fields.to_string());
    });
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "1");
    let fields: String = (0..500).map(|number| format!("X-{number}: {number}\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
    // Pipelined, and again: the connection has to go over to the wide parser, and to stay usable.
    client.ask("/").send(&many).send(&many).ask("/");
    for fields in ["1", "501", "501", "1"] {
        assert_eq!(client.response().text(), fields);
    }
}

#[test]
fn connection_close_ends_it_after_the_answer() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    client
        .send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: foo, close\r\n\r\n")
        .send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.response();
    assert_eq!(response.text(), "/1");
    assert!(response.closes());
    client.expect_end();
}

#[test]
fn an_application_that_says_close_ends_the_connection() {
    let site = Site::serve(|call| call.answer(Reply::Full(head(200, &[("connection", "close")]), payload(&["bye"]))));
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "bye");
    client.expect_end();
}

#[test]
fn http_1_0_ends_after_one_answer() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    let response = client.send("GET /old HTTP/1.0\r\n\r\n").response();
    assert_eq!(response.text(), "/old");
    client.expect_end();
}

#[test]
fn http_1_0_is_kept_alive_where_the_client_asks_for_it() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    for path in ["/1", "/2"] {
        let response = client.send(format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).response();
        assert_eq!(response.text(), path);
        assert!(response.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("keep-alive")));
    }
}

#[test]
fn without_keep_alives_every_answer_is_the_last() {
    let site = Site::with(|settings| settings.enable_keep_alives = false, echo_path);
    let mut client = site.connect();
    let response = client.get("/");
    assert!(response.closes());
    client.expect_end();
}

#[test]
fn max_keep_alive_counts_the_requests_of_a_connection() {
    let site = Site::with(|settings| settings.max_keep_alive = Some(3), echo_path);
    let mut client = site.connect();
    assert!(!client.get("/1").closes());
    assert!(!client.get("/2").closes());
    assert!(client.get("/3").closes());
    client.expect_end();
    assert_eq!(site.get("/next").status, 200);
}

#[test]
fn max_keep_alive_counts_pipelined_requests_too() {
    let site = Site::with(|settings| settings.max_keep_alive = Some(2), echo_path);
    let mut client = site.connect();
    client.send(PIPELINED);
    assert_eq!(client.response().text(), "/1");
    let second = client.response();
    assert_eq!(second.text(), "/2");
    assert!(second.closes());
    client.expect_end();
}

#[test]
fn max_keep_alive_counts_responses_that_leave_hyper() {
    let site = Site::with(
        |settings| settings.max_keep_alive = Some(2),
        |call| call.answer(Reply::Full(head(304, &[("content-length", "5")]), payload(&[]))),
    );
    let mut client = site.connect();
    assert!(!client.get("/1").closes());
    assert!(client.get("/2").closes());
    client.expect_end();
}

#[test]
fn no_max_keep_alive_means_no_end() {
    let site = Site::with(|settings| settings.max_keep_alive = None, echo_path);
    let mut client = site.connect();
    for _ in 0..1100 {
        assert!(!client.get("/").closes());
    }
}

#[test]
fn a_client_that_has_said_everything_still_gets_its_answers() {
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            call.unlocked(|| gate.wait());
            echo_path(call);
        }
    });
    let mut client = site.connect();
    client.ask("/1").ask("/2").finish_sending();
    eventually("the first is in the application", || site.inside() == 1);
    gate.open();
    assert_eq!(client.response().text(), "/1");
    assert_eq!(client.response().text(), "/2");
    client.expect_fin();
}

#[test]
fn a_client_that_goes_without_a_word_is_forgotten() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    client.finish_sending().expect_fin();
    let mut client = site.connect();
    client.send("GET / HT").finish_sending().expect_fin();
    assert_eq!(site.log_lines(), Vec::<String>::new());
    assert_eq!(site.stats().requests, 0);
}

#[test]
fn garbage_behind_a_good_request_is_refused_after_its_answer() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    client.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n");
    assert_eq!(client.response().text(), "/good");
    let refusal = client.response();
    assert_eq!((refusal.status, refusal.closes()), (400, true));
    client.expect_end();
    site.log_line("HTTP parse error, malformed request");
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let site = Site::serve(echo_path);
    let mut client = site.connect();
    client.send("GET / HTTP/9.9\r\nHost: a\r\n\r\n");
    // More than any buffer of the connection's two ends should have to hold for the answer to arrive.
    client.try_send(vec![b'x'; 60_000]);
    let refusal = client.response();
    assert!(refusal.status >= 400, "{refusal:?}");
    client.expect_fin();
}

#[test]
fn an_idle_connection_waits_without_a_thread() {
    let site = Site::with(|settings| settings.pool.max_threads = 1, echo_path);
    let idle: Vec<_> = (0..50).map(|_| site.connect()).collect();
    let mut waiting: Vec<_> = (0..50).map(|_| site.connect()).collect();
    for client in &mut waiting {
        client.send("GET / HTTP/1.1\r\n");
    }
    let (response, time) = timed(|| site.get("/quick"));
    assert_eq!(response.status, 200);
    assert!(time < Duration::from_secs(1), "{time:?}");
    drop(idle);
}
