//! Too much of everything, and requests that nobody answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use iodine_core::handoff::{Payload, Reply};
use iodine_core::settings::Settings;

use crate::support::{Gate, LIMIT, Site, eventually, payload, status};

/// One thread, two places in the queue.
fn narrow(settings: &mut Settings) {
    settings.pool.max_threads = 1;
    settings.pool.max_queue = 2;
    settings.pool.queue_timeout = Duration::ZERO;
}

/// A site whose application waits for the gate, with one request inside and two in the queue.
pub fn full(change: impl FnOnce(&mut Settings)) -> (Site, Arc<Gate>, Vec<crate::support::Client>) {
    let (site, gate) = Site::gated(change);
    let mut clients = vec![site.connect()];
    clients[0].ask("/");
    eventually("one is inside", || site.inside() == 1);
    for _ in 0..2 {
        let mut client = site.connect();
        client.ask("/");
        clients.push(client);
    }
    eventually("two wait", || site.stats().backlog == 2);
    (site, gate, clients)
}

#[test]
fn a_full_queue_is_answered_with_503() {
    let (site, gate, clients) = full(narrow);
    let mut client = site.connect();
    let refusal = client.get("/one-too-many");
    assert_eq!((refusal.status, refusal.closes()), (503, true));
    assert_eq!(refusal.field("retry-after"), Some("1"));
    client.expect_end();
    let line = site.log_line("request refused");
    assert!(line.contains("GET /one-too-many") && line.contains("max_queue"), "{line}");
    gate.open();
    for mut client in clients {
        assert_eq!(client.response().text(), "done");
    }
    assert_eq!(site.get("/").text(), "done");
}

#[test]
fn a_full_queue_that_empties_in_time_is_no_reason_to_refuse() {
    let (site, gate, clients) = full(|settings| {
        narrow(settings);
        settings.pool.queue_timeout = LIMIT;
    });
    let mut late = site.connect();
    assert!(late.ask("/").hears_nothing_for(Duration::from_millis(30)));
    gate.open();
    assert_eq!(late.response().text(), "done");
    for mut client in clients {
        assert_eq!(client.response().text(), "done");
    }
}

#[test]
fn a_full_queue_refuses_after_queue_timeout() {
    let (site, gate, _clients) = full(|settings| {
        narrow(settings);
        settings.pool.queue_timeout = Duration::from_millis(100);
    });
    let mut late = site.connect();
    assert!(late.ask("/").hears_nothing_for(Duration::from_millis(50)));
    assert_eq!(late.response().status, 503);
    gate.open();
}

#[test]
fn a_client_that_leaves_the_queue_is_not_served() {
    let served = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.pool.max_threads = 1, {
        let (gate, served) = (gate.clone(), served.clone());
        move |call| {
            served.fetch_add(1, Ordering::SeqCst);
            call.unlocked(|| gate.wait());
            call.text("done");
        }
    });
    let mut first = site.connect();
    first.ask("/");
    eventually("one is inside", || site.inside() == 1);
    let mut second = site.connect();
    second.ask("/");
    eventually("one waits", || site.stats().backlog == 1);
    second.reset();
    eventually("its connection is gone", || site.server.stats().1 == 1);
    gate.open();
    assert_eq!(first.response().text(), "done");
    eventually("its request was looked at", || site.stats().requests == 2);
    assert_eq!(site.get("/").text(), "done");
    assert_eq!(served.load(Ordering::SeqCst), 2);
}

#[test]
fn an_application_can_see_that_its_client_has_left() {
    let (saw, seen) = bounded(1);
    let site = Site::serve(move |call| {
        let ticket = call.ticket();
        assert!(!ticket.is_abandoned());
        call.unlocked(|| eventually("the ticket is abandoned", || ticket.is_abandoned()));
        let _ = saw.send(());
        ticket.answer(Reply::Full(status(200), Payload::default()));
    });
    let mut client = site.connect();
    client.ask("/");
    eventually("the application is at work", || site.inside() == 1);
    client.reset();
    seen.recv_timeout(LIMIT).expect("the application has seen it");
}

#[test]
fn connections_above_max_connections_wait() {
    let site = Site::with(|settings| settings.max_connections = 2, |call| call.text("ok"));
    let mut first = site.connect();
    let mut second = site.connect();
    let mut third = site.connect();
    assert_eq!(first.get("/").text(), "ok");
    assert_eq!(second.get("/").text(), "ok");
    assert!(third.ask("/").hears_nothing_for(Duration::from_millis(50)));
    assert_eq!(site.server.stats().1, 2);
    drop(first);
    assert_eq!(third.response().text(), "ok");
}

#[test]
fn a_lost_ticket_is_a_500_and_the_end_of_the_connection() {
    let site = Site::serve(|call| drop(call.ticket()));
    let mut client = site.connect();
    let response = client.get("/");
    assert_eq!((response.status, response.closes(), response.body.len()), (500, true, 0));
    client.expect_end();
    let mut client = site.connect();
    assert_eq!(client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").head().status, 500);
    client.expect_end();
}

#[test]
fn a_panic_in_a_request_is_a_500_and_nothing_more() {
    let site = Site::with(
        |settings| settings.pool.max_threads = 1,
        |call| {
            assert_ne!(call.path(), "/panic", "as intended");
            call.text("ok");
        },
    );
    assert_eq!(site.get("/panic").status, 500);
    assert_eq!(site.get("/").text(), "ok");
}

#[test]
fn a_panic_in_an_errand_harms_neither_who_drives_nor_the_errands_behind_it() {
    // The only thread stays in the application: the stand-in drives.
    let (site, gate) = Site::gated(|settings| settings.pool.max_threads = 1);
    let mut client = site.connect();
    client.ask("/");
    eventually("a thread inside", || site.inside() == 1);
    for _ in 0..3 {
        let (tell, told) = bounded(1);
        site.crew().run_errand(|| panic!("as intended"));
        site.crew().run_errand(move || tell.send(()).expect("somebody waits"));
        told.recv_timeout(LIMIT).expect("an errand that is run");
    }
    gate.open();
    assert_eq!(client.response().status, 200);
}

#[test]
fn an_aborted_request_is_a_closed_connection() {
    let site = Site::serve(|call| call.answer(Reply::Abort));
    let mut client = site.connect();
    client.ask("/").expect_fin();
    assert_eq!(site.log_lines(), Vec::<String>::new());
}

#[test]
fn an_answer_may_come_from_another_thread_long_after() {
    let gate = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.pool.max_threads = 1, {
        let gate = gate.clone();
        move |call| {
            if call.path() == "/quick" {
                return call.text("quick");
            }
            let (handle, gate) = (call.handle(), gate.clone());
            call.ticket().leave_open();
            thread::spawn(move || {
                gate.wait();
                assert!(handle.answer_now(Reply::Full(status(200), payload(&["late"]))));
                assert!(!handle.answer_now(Reply::Full(status(200), payload(&["later"]))));
            });
        }
    });
    let mut client = site.connect();
    assert!(client.ask("/").hears_nothing_for(Duration::from_millis(20)));
    // The thread of the pool is free.
    assert_eq!(site.get("/quick").text(), "quick");
    gate.open();
    assert_eq!(client.response().text(), "late");
    assert_eq!(client.get("/quick").text(), "quick");
}
