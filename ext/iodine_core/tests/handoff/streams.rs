//! Threads in a streaming body: they leave the pool, and are replaced.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use iodine_core::handoff::{NoPermit, StreamPermit, Wait, Worker};
use iodine_core::settings::Settings;

use crate::support::{Gate, LIMIT, Site, eventually, status, timed};
use crate::{MOMENT, announces, answer, next_job, while_waiting};

/// Leaves the pool, with much patience.
fn enter(worker: &mut Worker) -> Result<StreamPermit, NoPermit> {
    worker.enter_stream(Instant::now() + LIMIT)
}

fn one_thread(settings: &mut Settings) {
    settings.pool.max_threads = 1;
}

/// A site whose streams last until the gate opens; everything else is quick.
fn streaming(change: impl FnOnce(&mut Settings)) -> (Site, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let site = Site::with(change, {
        let gate = gate.clone();
        move |call| {
            if call.path() == "/quick" {
                return call.text("quick");
            }
            call.stream(status(200), |body| {
                body.write(b"begun");
                body.unlocked(|| gate.wait());
                body.writer.finish();
            });
        }
    });
    (site, gate)
}

#[test]
fn a_stream_holds_no_place_in_the_pool() {
    let (site, gate) = streaming(one_thread);
    let mut client = site.connect();
    client.ask("/").head();
    assert_eq!(site.get("/quick").text(), "quick");
    assert_eq!((site.stats().streams, site.stats().threads), (1, 1));
    gate.open();
    assert_eq!(client.chunk().as_deref(), Some(&b"begun"[..]));
    assert_eq!(client.chunk(), None);
    eventually("it has ended", || site.stats().streams == 0);
}

#[test]
fn a_hundred_streams_and_a_quick_request_share_one_place() {
    let (site, gate) = streaming(one_thread);
    let mut clients: Vec<_> = (0..100).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    eventually("all have begun", || site.stats().streams == 100);
    for client in &mut clients {
        client.head();
    }
    let (response, time) = timed(|| site.get("/quick"));
    assert_eq!(response.text(), "quick");
    assert!(time < Duration::from_secs(1), "{time:?}");
    gate.open();
    for client in &mut clients {
        while client.chunk().is_some() {}
    }
    eventually("all have ended", || site.stats().streams == 0);
    eventually("one thread remains", || site.stats().threads == 1);
    assert_eq!(site.most_inside(), 1);
}

#[test]
fn a_surplus_thread_goes_home_after_its_stream() {
    let (site, gate) = streaming(one_thread);
    let mut client = site.connect();
    client.ask("/").head();
    assert_eq!(site.get("/quick").text(), "quick");
    gate.open();
    client.chunk();
    assert_eq!(client.chunk(), None);
    eventually("one thread remains", || (site.stats().threads, site.stats().streams) == (1, 0));
    assert_eq!(site.get("/quick").text(), "quick");
}

#[test]
fn a_thread_returns_to_the_pool_where_its_place_is_free() {
    let site = Site::unmanned(one_thread);
    let mut worker = site.crew().join();
    let mut client = site.connect();
    client.ask("/");
    let job = next_job(&mut worker);
    let permit = enter(&mut worker).expect("a permit");
    assert_eq!((site.stats().threads, site.stats().streams, site.stats().running), (0, 1, 0));
    assert!(worker.take().is_none(), "no jobs for a thread in a stream");
    answer(job);
    assert!(worker.leave_stream(permit));
    assert_eq!((site.stats().threads, site.stats().streams), (1, 0));
    client.ask("/");
    answer(next_job(&mut worker));
}

#[test]
fn a_thread_whose_place_was_taken_is_told_to_go() {
    let site = Site::unmanned(one_thread);
    let mut worker = site.crew().join();
    site.connect().ask("/");
    let job = next_job(&mut worker);
    let permit = enter(&mut worker).expect("a permit");
    let _replacement = site.crew().join();
    answer(job);
    assert!(!worker.leave_stream(permit));
    assert!(worker.take().is_none());
    assert_eq!(worker.wait(), Wait::Retire);
    drop(worker);
    assert_eq!(site.stats().threads, 1);
    assert!(!announces(site.crew(), MOMENT));
}

#[test]
fn a_thread_that_is_lost_in_a_stream_is_nobody_the_pool_misses() {
    let site = Site::unmanned(one_thread);
    let mut worker = site.crew().join();
    site.connect().ask("/");
    let _job = next_job(&mut worker);
    let _permit = enter(&mut worker).expect("a permit");
    let _replacement = site.crew().join();
    drop(worker);
    assert_eq!((site.stats().threads, site.stats().streams), (1, 0));
    assert!(!announces(site.crew(), MOMENT));
}

fn one_stream(settings: &mut Settings) {
    settings.pool.max_threads = 2;
    settings.pool.max_streams = 1;
}

#[test]
fn a_stream_above_max_streams_waits_for_its_turn() {
    let (site, gate) = streaming(one_stream);
    let (mut first, mut second) = (site.connect(), site.connect());
    first.ask("/").head();
    assert!(second.ask("/").hears_nothing_for(MOMENT));
    assert_eq!(site.stats().streams, 1);
    // The one that waits still is a thread of the pool; another is left.
    assert_eq!(site.get("/quick").text(), "quick");
    gate.open();
    assert_eq!(second.response().text(), "begun");
}

#[test]
fn a_stream_above_max_streams_is_refused_in_the_end() {
    let (site, gate) = streaming(|settings| {
        one_stream(settings);
        settings.pool.stream_wait_timeout = Duration::from_millis(100);
    });
    let mut first = site.connect();
    first.ask("/").head();
    let (response, time) = timed(|| site.get("/"));
    assert_eq!(response.status, 503);
    assert!(time >= Duration::from_millis(100) && time < Duration::from_secs(3), "{time:?}");
    gate.open();
    while first.chunk().is_some() {}
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn an_interrupt_ends_the_wait_for_a_permit_for_now() {
    let site = Site::unmanned(one_stream);
    let [mut first, mut second] = [site.crew().join(), site.crew().join()];
    let permit = enter(&mut first).expect("a permit");
    // Ruby may call this at any time: a signal arrived, another thread wants something.
    let interrupt = second.interrupter();
    let (entered, time) = while_waiting(&site, || enter(&mut second).err(), || interrupt.interrupt());
    assert_eq!(entered, Some(NoPermit::Interrupted));
    assert!(time < Duration::from_secs(2), "{time:?}");
    assert_eq!((site.stats().threads, site.stats().streams), (1, 1));
    let (entered, _) = while_waiting(
        &site,
        || enter(&mut second).is_ok(),
        || {
            thread::sleep(MOMENT);
            first.leave_stream(permit);
        },
    );
    assert!(entered);
}

#[test]
fn a_waiting_stream_is_refused_at_its_deadline_and_not_before() {
    let site = Site::unmanned(one_stream);
    let [mut first, mut second] = [site.crew().join(), site.crew().join()];
    let _permit = enter(&mut first).expect("a permit");
    let (entered, time) = timed(|| second.enter_stream(Instant::now() + MOMENT).err());
    assert_eq!(entered, Some(NoPermit::TooManyStreams));
    assert!(time >= MOMENT && time < Duration::from_secs(3), "{time:?}");
    assert_eq!(second.stream_wait_timeout(), Duration::from_secs(5));
}

#[test]
fn the_end_of_the_server_ends_the_wait_for_a_permit() {
    let site = Site::unmanned(one_stream);
    let [mut first, mut second] = [site.crew().join(), site.crew().join()];
    let _permit = enter(&mut first).expect("a permit");
    let (entered, time) = while_waiting(&site, || enter(&mut second).is_ok(), || site.server.halt());
    assert!(!entered);
    assert!(time < Duration::from_secs(3), "{time:?}");
}

#[test]
fn no_streams_at_all_is_a_limit_too() {
    let (site, _gate) = streaming(|settings| {
        settings.pool.max_streams = 0;
        settings.pool.stream_wait_timeout = Duration::ZERO;
    });
    assert_eq!(site.get("/").status, 503);
    assert_eq!(site.get("/quick").text(), "quick");
}

#[test]
fn streams_end_when_the_server_halts() {
    let (site, gate) = streaming(one_thread);
    let mut client = site.connect();
    client.ask("/").head();
    site.server.halt();
    gate.open();
    client.rest();
    eventually("its thread has gone", || (site.stats().threads, site.stats().streams) == (0, 0));
    assert!(site.server.await_drained(Some(LIMIT)));
}
