//! What the server says about itself.

use std::thread;
use std::time::Duration;

use iodine_core::handoff::{Payload, Reply};
use iodine_core::metrics::QUEUE_TIME_LIMITS;

use super::overload::full;
use crate::support::{Call, Site, eventually, status};

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
