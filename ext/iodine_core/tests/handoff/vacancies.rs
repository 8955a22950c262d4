//! When the pool asks for one more thread.

use std::time::{Duration, Instant};

use crate::support::{LIMIT, Site};
use crate::{MOMENT, announces, answer, await_backlog, next_job};

fn site(min: usize, max: usize) -> Site {
    Site::unmanned(|settings| {
        settings.pool.min_threads = min;
        settings.pool.max_threads = max;
    })
}

#[test]
fn nobody_is_wanted_without_work() {
    let site = site(0, 5);
    let _idle = site.connect();
    assert!(!announces(site.crew(), MOMENT));
}

#[test]
fn the_first_request_wants_a_thread() {
    let site = site(0, 5);
    let mut client = site.connect();
    client.ask("/");
    assert!(announces(site.crew(), LIMIT));
    let mut worker = site.crew().join();
    answer(next_job(&mut worker));
    assert!(!announces(site.crew(), MOMENT));
    crate::while_waiting(
        &site,
        || worker.wait(),
        || {
            assert_eq!(client.response().text(), "done");
            site.server.halt();
        },
    );
}

#[test]
fn a_blocked_thread_alone_wants_no_other() {
    let site = site(0, 5);
    let mut worker = site.crew().join();
    site.connect().ask("/");
    let job = next_job(&mut worker);
    assert!(!announces(site.crew(), MOMENT));
    answer(job);
}

#[test]
fn a_request_that_waits_behind_a_blocked_thread_wants_another() {
    let site = site(0, 5);
    let mut worker = site.crew().join();
    let mut clients = [site.connect(), site.connect()];
    clients[0].ask("/");
    let _job = next_job(&mut worker);
    clients[1].ask("/");
    assert!(announces(site.crew(), LIMIT));
}

#[test]
fn a_full_pool_wants_nobody() {
    let site = site(0, 2);
    let mut workers = [site.crew().join(), site.crew().join()];
    let mut clients = [site.connect(), site.connect(), site.connect()];
    let mut jobs = Vec::new();
    for (client, worker) in clients.iter_mut().zip(&mut workers) {
        client.ask("/");
        jobs.push(next_job(worker));
    }
    clients[2].ask("/");
    await_backlog(&site, 1);
    assert!(!announces(site.crew(), MOMENT));
}

#[test]
fn an_idle_thread_is_called_before_a_new_one_is_wanted() {
    let site = site(0, 5);
    let mut first = site.crew().join();
    let mut second = site.crew().join();
    let mut clients = [site.connect(), site.connect()];
    clients[0].ask("/");
    let _blocked = next_job(&mut first);
    let (job, _) = crate::while_waiting(
        &site,
        || next_job(&mut second),
        || {
            clients[1].ask("/");
        },
    );
    assert!(!announces(site.crew(), MOMENT));
    answer(job);
}

#[test]
fn a_lost_thread_is_replaced_where_there_are_too_few() {
    let site = site(2, 5);
    let workers = [site.crew().join(), site.crew().join()];
    assert!(!announces(site.crew(), MOMENT));
    let [_first, second] = workers;
    drop(second);
    assert!(announces(site.crew(), LIMIT));
    assert!(!announces(site.crew(), MOMENT));
    assert_eq!(site.stats().threads, 1);
}

#[test]
fn the_last_thread_is_replaced_even_without_a_minimum() {
    let site = site(0, 5);
    drop(site.crew().join());
    assert!(announces(site.crew(), LIMIT));
}

#[test]
fn a_lost_thread_above_the_minimum_is_replaced_when_there_is_work() {
    let site = site(0, 2);
    let [mut first, second] = [site.crew().join(), site.crew().join()];
    drop(second);
    assert!(!announces(site.crew(), MOMENT));
    let mut clients = [site.connect(), site.connect()];
    clients[0].ask("/");
    let _blocked = next_job(&mut first);
    clients[1].ask("/");
    assert!(announces(site.crew(), LIMIT));
}

#[test]
fn a_thread_that_is_lost_with_its_request_is_replaced_for_the_next() {
    let site = Site::with(
        |settings| settings.pool.max_threads = 1,
        |call| {
            if call.path() == "/die" {
                call.dies = true;
                return drop(call.ticket());
            }
            call.text("alive");
        },
    );
    for _ in 0..5 {
        assert_eq!(site.get("/die").status, 500);
        assert_eq!(site.get("/").text(), "alive");
    }
}

#[test]
fn a_thread_that_does_not_come_is_wanted_again_and_not_needed_twice() {
    let site = site(0, 1);
    site.connect().ask("/");
    assert!(announces(site.crew(), LIMIT));
    assert!(!announces(site.crew(), Duration::from_millis(500)));
    // It was killed on its way, or waits for the interpreter's lock: after a while the pool asks for another one.
    assert!(announces(site.crew(), LIMIT));
    let _one = site.crew().join();
    let _two = site.crew().join();
    assert_eq!(site.stats().threads, 1);
}

#[test]
fn the_first_threads_come_by_themselves() {
    // `-t 1:1`: a request is there before the first thread is.
    let site = site(1, 1);
    site.connect().ask("/");
    await_backlog(&site, 1);
    assert!(!announces(site.crew(), MOMENT));
    answer(next_job(&mut site.crew().join()));
}

#[test]
fn a_stream_that_ends_before_its_replacement_comes_leaves_no_thread_too_many() {
    let site = site(0, 1);
    let mut streaming = site.crew().join();
    site.connect().ask("/stream");
    let job = next_job(&mut streaming);
    let permit = streaming.enter_stream(Instant::now() + LIMIT).expect("a permit");
    let mut client = site.connect();
    client.ask("/plain");
    assert!(announces(site.crew(), LIMIT));
    answer(job);
    let back = streaming.leave_stream(permit);
    let mut replacement = site.crew().join();
    assert_eq!(site.stats().threads, 1, "back in the pool: {back}");
    let jobs = [streaming.take(), replacement.take()];
    assert_eq!(jobs.iter().flatten().count(), 1);
}
