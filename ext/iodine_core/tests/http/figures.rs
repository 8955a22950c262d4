//! What the server says about itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use iodine_core::handoff::{Payload, Reply};
use iodine_core::metrics::QUEUE_TIME_LIMITS;

use super::overload::full;
use crate::support::{Call, Site, eventually, head, status};

#[test]
fn responses_are_counted_by_class_whoever_gives_them() {
    let site = Site::with(
        |settings| settings.limits.path = 10,
        |call: &mut Call<'_>| match call.request.parts.uri.path() {
            "/204" => call.answer(Reply::Full(status(204), Payload::default())),
            "/404" => call.answer(Reply::Full(status(404), Payload::default())),
            "/lost" => {}
            _ => call.text("done"),
        },
    );
    for path in ["/", "/204", "/404", "/lost", "/longer-than-ten"] {
        site.get(path);
    }
    assert_eq!(site.server.figures(false).responses, [0, 2, 0, 2, 1]);
    assert_eq!(site.server.figures(false).queue_times.requests(), 4);
}

#[test]
fn queue_times_are_counted_by_their_length() {
    let (site, gate, mut clients) = full(|settings| settings.pool.max_threads = 1);
    thread::sleep(Duration::from_millis(30));
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().text(), "done");
    }
    let times = site.server.figures(false).queue_times;
    let long = QUEUE_TIME_LIMITS.partition_point(|limit| *limit < 30_000);
    assert_eq!(times.counts[long..].iter().sum::<u64>(), 2);
    assert!(times.total >= Duration::from_millis(60), "{:?}", times.total);
}

#[test]
fn maxima_begin_anew_where_that_is_asked_for() {
    let (site, gate, mut clients) = full(|settings| settings.pool.max_threads = 1);
    gate.open();
    for client in &mut clients {
        client.response();
    }
    let maxima = |begin_anew| {
        let figures = site.server.figures(begin_anew);
        (figures.backlog_max, figures.http_max)
    };
    assert_eq!([maxima(false), maxima(true), maxima(true)], [(2, 3), (2, 3), (0, 3)]);
    drop(clients);
    eventually("all have gone", || site.server.stats().1 == 0);
    assert_eq!([maxima(true), maxima(true)], [(0, 3), (0, 0)]);
}

/// Sends bytes on a connection of their own, and returns how many came back until its end.
fn exchange(site: &Site, request: &[u8]) -> u64 {
    let mut socket = TcpStream::connect(site.address).expect("a connection");
    socket.write_all(request).expect("a server that listens");
    socket.read_to_end(&mut Vec::new()).expect("an end") as u64
}

#[test]
fn bytes_are_counted_in_both_directions() {
    let site = Site::serve(|call| match call.request.parts.uri.path() {
        "/stream" => call.stream(status(200), |body| {
            body.write(&[b'x'; 100_000]);
            body.writer.finish();
        }),
        "/framed" => {
            call.framed(head(200, &[("transfer-encoding", "chunked")]), |body| {
                body.write(b"1\r\nx\r\n0\r\n\r\n");
                body.writer.finish();
            });
        }
        _ => {
            call.body();
            call.text("done");
        }
    });
    let body = "b".repeat(300_000);
    let post = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n{body}");
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let requests = [post, get("/stream"), get("/framed"), "nonsense\r\n\r\n".into()];
    let back: u64 = requests.iter().map(|request| exchange(&site, request.as_bytes())).sum();
    let sent: usize = requests.iter().map(String::len).sum();
    let bytes = || {
        let figures = site.server.figures(false);
        (figures.received, figures.sent)
    };
    eventually("all bytes are counted", || bytes() == (sent as u64, back));
}
