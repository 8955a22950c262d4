//! Deadlines, with short values: each fires, none fires early, and nobody else is disturbed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use iodine_core::handoff::{Payload, Reply};
use iodine_core::settings::Settings;

use crate::support::{Call, Gate, Site, eventually, status, timed};

/// What all of these tests call a short time.
const SHORT: Duration = Duration::from_millis(150);

/// A deadline that is missed by this much is broken, however busy the machine is.
const LATE: Duration = Duration::from_secs(3);

fn ok(call: &mut Call<'_>) {
    call.body();
    call.text("ok");
}

fn assert_on_time(time: Duration, deadline: Duration) {
    // The client's clock starts a little earlier or later than the server's.
    let early = deadline.saturating_sub(Duration::from_millis(30));
    assert!(time >= early && time < deadline + LATE, "{time:?} for a deadline of {deadline:?}");
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let site = Site::with(|settings| settings.timeouts.first_data = SHORT, ok);
    let mut client = site.connect();
    let ((), time) = timed(|| client.expect_fin());
    assert_on_time(time, SHORT);
    assert_eq!(site.log_lines(), Vec::<String>::new());
}

#[test]
fn a_head_that_stops_is_dropped() {
    let site = Site::with(|settings| settings.timeouts.first_data = SHORT, ok);
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\n");
    let ((), time) = timed(|| client.expect_end());
    assert_on_time(time, SHORT);
    assert_eq!(site.stats().requests, 0);
}

#[test]
fn a_second_head_that_stops_is_dropped() {
    let site = Site::with(|settings| settings.timeouts.first_data = SHORT, ok);
    let mut client = site.connect();
    assert_eq!(client.get("/").status, 200);
    client.send("GET / HTTP/1.1\r\n");
    let ((), time) = timed(|| client.expect_end());
    assert_on_time(time, SHORT);
}

#[test]
fn a_head_that_trickles_is_dropped_at_its_own_deadline() {
    let deadline = SHORT * 2;
    let site = Site::with(
        |settings| {
            settings.timeouts.first_data = SHORT;
            settings.timeouts.header = deadline;
        },
        ok,
    );
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nX-Slow: ");
    let ((), time) = timed(|| while client.try_send("x") && client.hears_nothing_for(SHORT / 8) {});
    assert_on_time(time, deadline);
    assert_eq!(site.stats().requests, 0);
}

#[test]
fn a_head_that_is_slow_but_in_time_is_served() {
    let site = Site::with(|settings| settings.timeouts.first_data = SHORT * 4, ok);
    let mut client = site.connect();
    for piece in ["GET / HT", "TP/1.1\r\nHo", "st: a\r\n", "\r"] {
        client.send(piece);
        assert!(client.hears_nothing_for(SHORT));
    }
    assert_eq!(client.send("\n").response().status, 200);
}

#[test]
fn an_idle_connection_is_closed_after_persistent() {
    let site = Site::with(
        |settings| {
            settings.timeouts.persistent = SHORT;
            // Not this one.
            settings.timeouts.first_data = Duration::from_millis(1);
        },
        ok,
    );
    let mut client = site.connect();
    assert_eq!(client.get("/").status, 200);
    let ((), time) = timed(|| client.expect_fin());
    assert_on_time(time, SHORT);
}

#[test]
fn persistent_begins_anew_with_every_answer() {
    let site = Site::with(|settings| settings.timeouts.persistent = SHORT * 4, ok);
    let mut client = site.connect();
    let ((), time) = timed(|| {
        for _ in 0..3 {
            assert_eq!(client.get("/").status, 200);
            assert!(client.hears_nothing_for(SHORT * 2));
        }
        client.expect_fin();
    });
    assert!(time >= SHORT * 8, "{time:?}");
}

#[test]
fn the_application_may_take_longer_than_any_client() {
    let site = Site::with(
        |settings| {
            settings.timeouts.first_data = SHORT;
            settings.timeouts.header = SHORT;
            settings.timeouts.persistent = SHORT;
            settings.timeouts.write = SHORT;
        },
        |call| {
            call.body();
            call.sleep(SHORT * 3);
            call.text("slow");
        },
    );
    assert_eq!(site.get("/").text(), "slow");
    assert_eq!(site.connect().post("/", "x").response().text(), "slow");
}

fn strict_body(settings: &mut Settings) {
    settings.timeouts.first_data = SHORT;
}

#[test]
fn a_body_that_stops_is_answered_with_408() {
    let site = Site::with(strict_body, ok);
    for head in ["Content-Length: 5\r\n\r\nhell", "Transfer-Encoding: chunked\r\n\r\n5\r\nhell"] {
        let mut client = site.connect();
        client.send(format!("POST /slow HTTP/1.1\r\nHost: a\r\n{head}"));
        let (refusal, time) = timed(|| client.response());
        assert_eq!((refusal.status, refusal.closes()), (408, true));
        assert_on_time(time, SHORT);
        client.expect_end();
        let line = site.log_line("request timeout");
        assert!(line.contains("POST /slow"), "{line}");
    }
    assert_eq!(site.stats().requests, 0);
}

#[test]
fn a_body_that_trickles_below_the_rate_is_answered_with_408() {
    let site = Site::with(
        |settings| {
            settings.timeouts.first_data = SHORT * 2;
            settings.limits.min_body_rate = 10_000;
        },
        ok,
    );
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    let ((), time) = timed(|| while client.try_send("x") && client.hears_nothing_for(SHORT / 8) {});
    assert_on_time(time, SHORT * 2);
    assert_eq!(client.response().status, 408);
}

#[test]
fn a_body_above_the_rate_may_take_its_time() {
    let site = Site::with(
        |settings| {
            settings.timeouts.first_data = SHORT * 2;
            settings.limits.min_body_rate = 100;
        },
        ok,
    );
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    for _ in 0..9 {
        client.send([b'x'; 100]);
        assert!(client.hears_nothing_for(SHORT / 2));
    }
    assert_eq!(client.send([b'x'; 100]).response().status, 200);
}

#[test]
fn without_a_rate_only_a_stop_counts() {
    let site = Site::with(
        |settings| {
            settings.timeouts.first_data = SHORT * 2;
            settings.limits.min_body_rate = 0;
        },
        ok,
    );
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..9 {
        client.send("x");
        assert!(client.hears_nothing_for(SHORT / 2));
    }
    assert_eq!(client.send("x").response().status, 200);
}

/// More than the buffers of a connection's two ends take.
const LARGE: usize = 32 * 1024 * 1024;

fn large(call: &mut Call<'_>) {
    match call.path() {
        "/file" => {
            let file = tempfile::tempfile().expect("a file");
            file.set_len(LARGE as u64).expect("a long file");
            call.file(file, LARGE as u64);
        }
        "/large" => call.answer(Reply::Full(status(200), Payload::from(Bytes::from(vec![b'x'; LARGE])))),
        _ => call.text("ok"),
    }
}

/// A client that does not read is cut; others are served meanwhile.
fn assert_cut(path: &str) {
    let site = Site::with(|settings| settings.timeouts.write = SHORT, large);
    let mut client = site.connect();
    client.ask(path);
    assert_eq!(site.get("/quick").status, 200);
    let ((), time) = timed(|| eventually("the connection is cut", || site.server.stats().1 == 0));
    assert!(time < LATE, "{time:?}");
    let received = client.rest().len();
    assert!(received < LARGE, "all of it came");
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    assert_cut("/large");
}

#[test]
fn a_client_that_does_not_read_a_file_is_cut() {
    assert_cut("/file");
}

#[test]
#[cfg_attr(slowed, ignore = "measures how quickly a client reads")]
fn a_client_that_reads_slowly_gets_everything() {
    let site = Site::with(|settings| settings.timeouts.write = SHORT * 4, large);
    for path in ["/large", "/file"] {
        let mut client = site.connect();
        let head = client.ask(path).head();
        assert_eq!(head.field("content-length"), Some(LARGE.to_string().as_str()));
        let mut received = 0;
        for _ in 0..8 {
            // Longer in sum than the deadline, but never without a byte for as long.
            thread::sleep(SHORT);
            received += client.take(LARGE / 8).len();
        }
        assert_eq!(received, LARGE);
        assert_eq!(client.get("/").text(), "ok");
    }
}

#[test]
fn a_stream_whose_client_does_not_read_ends() {
    let gone = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.timeouts.write = SHORT, {
        let gone = gone.clone();
        move |call| {
            call.stream(status(200), |body| {
                while body.write(&[b'x'; 16 * 1024]) {}
                assert!(body.writer.is_deserted());
                gone.open();
            });
        }
    });
    let mut client = site.connect();
    client.ask("/");
    gone.wait();
    assert!(!client.rest().is_empty());
}

#[test]
fn a_refused_client_has_linger_time_to_read_the_answer() {
    let site = Site::with(|settings| settings.timeouts.linger = SHORT, ok);
    let mut client = site.connect();
    assert_eq!(client.send("BAD\r\n\r\n").response().status, 400);
    // The client does not close; the server does not wait for ever.
    let ((), time) = timed(|| eventually("the connection is gone", || site.server.stats().1 == 0));
    assert!(time < SHORT + LATE, "{time:?}");
}
