//! What a server that drains does for clients that are not done: it loses no request of theirs, and waits for none of
//! them longer than its limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use iodine_core::handoff::{Payload, Reply};

use crate::support::{Body, Call, Client, Gate, LIMIT, Site, eventually, head, status, timed};

/// The thread that drives the sockets may lose the processor at any point, also between its look at them and what it does
/// then.
#[test]
fn a_request_that_arrives_when_the_time_is_up_is_answered() {
    let (site, _) = Site::gated(|settings| settings.timeouts.drain_idle = Duration::from_millis(100));
    let mut fresh = site.connect();
    let mut used = site.connect();
    assert_eq!(used.get("/quick").text(), "quick");
    eventually("both are there", || site.server.stats().1 == 2);
    let (up, looked, go_on) = (Arc::new(Gate::default()), Arc::new(Gate::default()), Arc::new(Gate::default()));
    site.server.drain();
    let crew = site.crew().clone();
    site.crew().run_errand({
        let (up, looked, go_on) = (up.clone(), looked.clone(), go_on.clone());
        move || {
            up.wait();
            // There is one look at the sockets between every other errand at least.
            crew.clone().run_errand(move || {
                crew.run_errand(move || {
                    looked.open();
                    go_on.wait();
                });
            });
        }
    });
    thread::sleep(Duration::from_millis(150));
    up.open();
    looked.wait();
    for client in [&mut fresh, &mut used] {
        client.ask("/quick");
    }
    go_on.open();
    for client in [&mut fresh, &mut used] {
        let response = client.response();
        assert_eq!((response.text().as_str(), response.closes()), ("quick", true));
        client.expect_fin();
    }
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_response_that_began_before_the_drain_leaves_time_for_one_more_request() {
    for framed in [false, true] {
        let gate = Arc::new(Gate::default());
        let app = {
            let gate = gate.clone();
            move |call: &mut Call<'_>| {
                let wait = |body: &Body<'_>| {
                    body.unlocked(|| gate.wait());
                    body.write(if framed { b"3\r\ntwo\r\n0\r\n\r\n" } else { b"two" });
                    body.writer.finish();
                };
                match (call.path(), framed) {
                    ("/quick", _) => call.text("quick"),
                    (_, false) => call.stream(status(200), wait),
                    (_, true) => call.framed(head(200, &[("transfer-encoding", "chunked")]), wait),
                }
            }
        };
        let site = Site::with(|settings| settings.timeouts.drain_idle = Duration::from_millis(100), app);
        let mut client = site.connect();
        assert!(!client.ask("/").head().closes(), "its head promises another answer");
        site.server.drain();
        assert!(client.hears_nothing_for(Duration::from_millis(200)));
        gate.open();
        assert_eq!((client.chunk().as_deref(), client.chunk()), (Some(&b"two"[..]), None));
        assert!(client.hears_nothing_for(Duration::from_millis(30)), "framed: {framed}");
        let response = client.get("/quick");
        assert_eq!((response.text().as_str(), response.closes()), ("quick", true));
        client.expect_fin();
        assert!(site.server.await_drained(Some(LIMIT)));
    }
}

#[test]
fn a_connection_beyond_the_limit_that_was_accepted_is_served() {
    let (site, gate) = Site::gated(|settings| settings.max_connections = 1);
    let mut first = site.connect();
    first.ask("/");
    eventually("it is inside", || site.inside() == 1);
    let mut second = site.connect();
    second.ask("/quick");
    // The listener has it in its hands.
    assert!(second.hears_nothing_for(Duration::from_millis(50)) && site.server.stats().1 == 1);
    site.server.drain();
    assert!(second.hears_nothing_for(Duration::from_millis(50)));
    gate.open();
    assert_eq!(first.response().text(), "done");
    assert_eq!(second.response().text(), "quick");
    assert!(site.server.await_drained(Some(LIMIT)));
}

/// How long a server drains that has `limit` for slow clients, while `client` does something every 10 ms.
fn drains_despite(
    limit: Duration,
    begin: impl FnOnce(&mut Client),
    mut go_on: impl FnMut(&mut Client) + Send + 'static,
) -> Duration {
    let site = Site::with(
        |settings| settings.timeouts.transfer_shutdown = limit,
        |call| {
            call.body();
            call.answer(Reply::Full(status(200), Payload::from(Bytes::from(vec![b'x'; 50_000_000]))));
        },
    );
    let mut client = site.connect();
    begin(&mut client);
    eventually("it is there", || site.server.stats().1 == 1);
    let ended = Arc::new(AtomicBool::new(false));
    let slow = {
        let ended = ended.clone();
        thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                go_on(&mut client);
                thread::sleep(Duration::from_millis(10));
            }
        })
    };
    // It is slow already when the server is told.
    thread::sleep(Duration::from_millis(100));
    site.server.drain();
    let (drained, time) = timed(|| site.server.await_drained(Some(LIMIT)));
    ended.store(true, Ordering::SeqCst);
    slow.join().expect("a client that ends");
    assert!(drained);
    time
}

#[test]
fn a_slow_client_holds_a_draining_server_for_its_limit_and_no_longer() {
    let limit = Duration::from_millis(400);
    let say = |head: &'static str| move |client: &mut Client| _ = client.send(head);
    let trickle = |client: &mut Client| _ = client.try_send("a");
    let times = [
        drains_despite(limit, say("GET / HTTP/1.1\r\nHost: a\r\nX: "), trickle),
        drains_despite(limit, say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n"), trickle),
        drains_despite(limit, say("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Client::sip),
    ];
    for time in times {
        assert!(time >= limit - Duration::from_millis(50) && time < Duration::from_secs(3), "{times:?}");
    }
}
