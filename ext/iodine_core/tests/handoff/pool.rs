//! How many threads are inside the application at once.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::support::{Gate, Site, eventually};

/// Sends `total` requests over 40 connections, in turns.
fn load(site: &Site, path: &str, total: usize) {
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let mut client = site.connect();
                for _ in 0..total / 40 {
                    assert_eq!(client.get(path).status, 200);
                }
            });
        }
    });
}

fn sleepy(max_threads: usize) -> Site {
    Site::with(
        move |settings| settings.pool.max_threads = max_threads,
        |call| {
            if call.path() == "/sleep" {
                call.sleep(Duration::from_millis(3));
            }
            call.text("ok");
        },
    )
}

#[test]
fn as_many_threads_as_allowed_are_inside_at_once_and_never_more() {
    for max_threads in [1, 2, 5] {
        let site = sleepy(max_threads);
        load(&site, "/sleep", 400);
        assert_eq!(site.most_inside(), max_threads);
        assert_eq!(site.stats().requests, 400);
    }
}

#[test]
fn every_thread_is_used_where_all_of_them_block() {
    let gate = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.pool.max_threads = 20, {
        let gate = gate.clone();
        move |call| {
            call.unlocked(|| gate.wait());
            call.text("ok");
        }
    });
    let mut clients: Vec<_> = (0..30).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    eventually("twenty are inside", || site.inside() == 20);
    eventually("ten wait", || site.stats().backlog == 10);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(site.most_inside(), 20);
}

#[test]
fn quick_requests_need_few_threads() {
    let site = Site::with(|settings| settings.pool.max_threads = 50, |call| call.text("ok"));
    let mut client = site.connect();
    for _ in 0..500 {
        client.get("/");
    }
    // One, on a machine that has nothing else to do.
    assert!(site.stats().threads < 10, "{:?}", site.stats());
}

#[test]
fn every_request_is_taken_exactly_once() {
    let taken = Arc::new(std::sync::Mutex::new(Vec::new()));
    let site = Site::with(|settings| settings.pool.max_threads = 8, {
        let taken = taken.clone();
        move |call| {
            taken.lock().expect("no panic").push(call.path().to_owned());
            call.text("ok");
        }
    });
    thread::scope(|scope| {
        for client in 0..8 {
            let site = &site;
            scope.spawn(move || {
                let mut connection = site.connect();
                for number in 0..100 {
                    connection.ask(&format!("/{client}/{number}"));
                }
                for _ in 0..100 {
                    assert_eq!(connection.response().status, 200);
                }
            });
        }
    });
    let mut taken = taken.lock().expect("no panic").clone();
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 800);
    assert_eq!(site.stats().requests, 800);
}

#[test]
fn the_figures_tell_what_goes_on() {
    let gate = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.pool.max_threads = 1, {
        let gate = gate.clone();
        move |call| {
            call.unlocked(|| gate.wait());
            call.text("ok");
        }
    });
    assert_eq!((site.stats().threads, site.server.stats().1), (0, 0));
    let mut clients: Vec<_> = (0..3).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    eventually("one is inside, two wait", || {
        let stats = site.stats();
        (stats.threads, stats.running, stats.backlog, stats.streams, stats.requests) == (1, 1, 2, 0, 1)
    });
    assert_eq!(site.server.stats().1, 3);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    eventually("nobody is inside", || site.stats().running == 0);
    assert_eq!((site.stats().backlog, site.stats().requests), (0, 3));
    drop(clients);
    eventually("nobody is connected", || site.server.stats().1 == 0);
}

/// A server of one thread, whose requests wait for the gate.
fn waiting() -> (Site, Arc<Gate>) {
    Site::gated(|settings| settings.pool.max_threads = 1)
}

#[test]
fn a_larger_limit_lets_in_who_waits() {
    let (site, gate) = waiting();
    let mut clients: Vec<_> = (0..4).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/wait");
    }
    eventually("one is inside, three wait", || (site.inside(), site.stats().backlog) == (1, 3));
    site.crew().resize(0, 4);
    eventually("four are inside", || site.inside() == 4);
    assert_eq!(site.stats().max_threads, 4);
    gate.open();
    assert!(clients.iter_mut().all(|client| client.response().status == 200));
}

#[test]
fn threads_beyond_a_smaller_limit_go_home_when_they_have_finished() {
    let (site, gate) = waiting();
    site.crew().resize(6, 6);
    eventually("six are there, as the smaller limit says", || site.stats().threads == 6);
    let mut clients: Vec<_> = (0..6).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/wait");
    }
    eventually("six are inside", || site.inside() == 6);
    site.crew().resize(0, 2);
    gate.open();
    assert!(clients.iter_mut().all(|client| client.response().status == 200));
    eventually("two are left", || site.stats().threads == 2);
    load(&site, "/quick", 400);
    assert!(site.stats().threads <= 2, "{:?}", site.stats());
}
