//! Threads that have nothing to do any more.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Call, Gate, Site, eventually, timed};

/// A site with so many threads at least, that was busy enough once for eight.
fn after_a_rush(min: usize, idle_timeout: Duration) -> Site {
    let gate = Arc::new(Gate::default());
    let site = Site::with(
        |settings| {
            settings.pool.min_threads = min;
            settings.pool.max_threads = 8;
            settings.pool.thread_idle_timeout = idle_timeout;
        },
        {
            let gate = gate.clone();
            move |call: &mut Call<'_>| {
                call.unlocked(|| gate.wait());
                call.text("ok");
            }
        },
    );
    let mut clients: Vec<_> = (0..8).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    eventually("eight are inside", || site.inside() == 8);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    site
}

#[test]
fn idle_threads_above_the_minimum_go_home() {
    let site = after_a_rush(3, Duration::from_millis(50));
    eventually("three remain", || site.stats().threads == 3);
    assert_eq!(site.get("/").status, 200);
    assert_eq!(site.stats().threads, 3);
}

#[test]
fn one_thread_remains_without_a_minimum() {
    let site = after_a_rush(0, Duration::from_millis(50));
    eventually("one remains", || site.stats().threads == 1);
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn threads_stay_for_their_idle_time() {
    let site = after_a_rush(1, Duration::from_millis(600));
    let ((), time) = timed(|| eventually("one remains", || site.stats().threads == 1));
    assert!(time >= Duration::from_millis(400), "{time:?}");
}

#[test]
fn a_pool_that_has_shrunk_grows_again() {
    let gate = Arc::new(Gate::default());
    let site = Site::with(
        |settings| {
            settings.pool.thread_idle_timeout = Duration::from_millis(20);
            settings.pool.max_threads = 4;
        },
        {
            let gate = gate.clone();
            move |call| {
                if call.path() == "/wait" {
                    call.unlocked(|| gate.wait());
                } else {
                    call.sleep(Duration::from_millis(5));
                }
                call.text("ok");
            }
        },
    );
    for _ in 0..3 {
        let mut clients: Vec<_> = (0..8).map(|_| site.connect()).collect();
        for client in &mut clients {
            client.ask("/");
        }
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
        }
        eventually("one remains", || site.stats().threads == 1);
    }
    let mut clients: Vec<_> = (0..4).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/wait");
    }
    eventually("four are inside", || site.inside() == 4);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
}

#[test]
fn requests_that_meet_a_thread_on_its_way_home_are_served() {
    let site = Site::with(
        |settings| {
            settings.pool.max_threads = 4;
            settings.pool.thread_idle_timeout = Duration::from_millis(1);
        },
        |call| {
            call.sleep(Duration::from_millis(1));
            call.text("ok");
        },
    );
    let mut clients: Vec<_> = (0..4).map(|_| site.connect()).collect();
    for round in 0..60 {
        for client in &mut clients {
            client.ask("/");
        }
        for client in &mut clients {
            let (response, time) = timed(|| client.response());
            assert_eq!(response.status, 200);
            assert!(time < Duration::from_secs(2), "{time:?} in round {round}");
        }
        std::thread::sleep(Duration::from_millis(round % 3));
    }
    eventually("one remains", || site.stats().threads == 1);
}
