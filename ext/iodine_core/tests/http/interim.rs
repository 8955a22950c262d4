//! 103 in front of the answer, which hyper cannot send.

use std::sync::Arc;
use std::time::Duration;

use iodine_core::handoff::Reply;

use crate::support::{Call, Gate, Site, head, payload, status};

fn hint(call: &Call<'_>, link: &str) {
    call.handle().interim(head(103, &[("link", link)]));
}

#[test]
fn a_hint_arrives_while_the_application_is_still_at_work() {
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            hint(call, "</a.css>");
            call.unlocked(|| gate.wait());
            call.text("done");
        }
    });
    let mut client = site.connect();
    let interim = client.ask("/").head();
    assert_eq!((interim.status, interim.field("link")), (103, Some("</a.css>")));
    assert_eq!((interim.field("content-length"), interim.field("date")), (None, None));
    assert!(client.hears_nothing_for(Duration::from_millis(20)));
    gate.open();
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (200, "done"));
}

#[test]
fn several_hints_keep_their_order() {
    let site = Site::serve(|call| {
        for link in ["1", "2", "3"] {
            hint(call, link);
        }
        call.text("done");
    });
    let mut client = site.connect();
    for _ in 0..2 {
        client.ask("/");
        for link in ["1", "2", "3"] {
            assert_eq!(client.head().field("link"), Some(link));
        }
        assert_eq!(client.response().text(), "done");
    }
}

#[test]
fn hints_of_pipelined_requests_stand_before_their_own_answers() {
    let site = Site::serve(|call| {
        let path = call.path().to_owned();
        hint(call, &path);
        match path.as_str() {
            "/file" => {
                let file = tempfile::tempfile().expect("a file");
                call.file(file, 0);
            }
            "/large" => call.text(&"x".repeat(3_000_000)),
            _ => call.stream(status(200), |body| {
                body.write(path.as_bytes());
                body.writer.finish();
            }),
        }
    });
    let mut client = site.connect();
    let paths = ["/large", "/stream", "/file", "/large", "/large", "/file", "/file", "/stream"];
    for path in paths {
        client.ask(path);
    }
    for path in paths {
        assert_eq!(client.head().field("link"), Some(path));
        let length = client.response().body.len();
        assert_eq!(length, if path == "/large" { 3_000_000 } else { path.len() * usize::from(path == "/stream") });
    }
}

#[test]
fn a_hint_larger_than_the_buffers_arrives_whole() {
    let site = Site::serve(|call| {
        let long = "x".repeat(50_000);
        for _ in 0..200 {
            hint(call, &long);
        }
        call.text("done");
    });
    let mut client = site.connect();
    client.ask("/");
    for _ in 0..200 {
        assert_eq!(client.head().field("link").map(str::len), Some(50_000));
    }
    assert_eq!(client.response().text(), "done");
}

#[test]
fn a_client_that_does_not_read_hints_is_cut() {
    let site = Site::with(
        |settings| settings.timeouts.write = Duration::from_millis(150),
        |call| {
            let long = "x".repeat(50_000);
            for _ in 0..400 {
                hint(call, &long);
            }
            call.text("done");
        },
    );
    let mut client = site.connect();
    client.ask("/");
    crate::support::eventually("the connection is cut", || site.stats().requests == 1 && site.server.stats().1 == 0);
}

#[test]
fn http_1_0_gets_no_hints() {
    let site = Site::serve(|call| {
        hint(call, "</a.css>");
        call.text("done");
    });
    let mut client = site.connect();
    assert_eq!(client.send("GET / HTTP/1.0\r\n\r\n").response().text(), "done");
}

#[test]
fn a_hint_behind_the_answer_is_dropped() {
    let site = Site::serve(|call| {
        let handle = call.handle();
        call.text("done");
        handle.interim(head(103, &[("link", "late")]));
    });
    let mut client = site.connect();
    for _ in 0..20 {
        assert_eq!(client.get("/").text(), "done");
    }
}

#[test]
fn a_hint_stands_before_an_answer_without_body() {
    let site = Site::serve(|call| {
        hint(call, "1");
        call.answer(Reply::Full(head(304, &[("content-length", "5")]), payload(&[])));
    });
    let mut client = site.connect();
    for _ in 0..2 {
        assert_eq!(client.ask("/").head().status, 103);
        assert_eq!(client.head().status, 304);
    }
}
