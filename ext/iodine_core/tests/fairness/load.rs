//! How long requests wait under load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::alone;
use crate::support::{PATIENCE, Site, eventually, timed};

/// Sends requests over `connections` at once, `each` on every one, and tells how long each took, in order of length.
fn times(site: &Site, path: &str, connections: usize, each: usize) -> Vec<Duration> {
    let times = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut client = site.connect();
                let mut mine = Vec::new();
                for _ in 0..each {
                    let (response, time) = timed(|| client.get(path));
                    assert_eq!(response.status, 200);
                    mine.push(time);
                }
                times.lock().expect("no panic").extend(mine);
            });
        }
    });
    let mut times = times.into_inner().expect("no panic");
    times.sort();
    times
}

/// `/burn` keeps the interpreter for 30 ms, `/sleep` waits for 300 ms without it.
fn mixed(threads: usize) -> Site {
    Site::with(
        move |settings| settings.pool.max_threads = threads,
        |call| {
            match call.path() {
                "/burn" => call.burn(Duration::from_millis(30)),
                "/sleep" => call.sleep(Duration::from_millis(300)),
                _ => {}
            }
            call.text("ok");
        },
    )
}

/// Runs `test` while so many clients ask for each of these, again and again.
fn under(site: &Site, load: &[(&str, usize)], test: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for (path, clients) in load {
            for _ in 0..*clients {
                scope.spawn(|| {
                    let mut client = site.connect();
                    while !over.load(Ordering::SeqCst) {
                        client.get(path);
                    }
                });
            }
        }
        let _over = Over(&over);
        test();
    });
}

/// Ends the load, also where the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn ten_thousand_quick_requests_are_all_quick() {
    let _turn = alone();
    let site = Site::with(|settings| settings.pool.max_threads = 20, |call| call.text("ok"));
    let times = times(&site, "/", 100, 100);
    let slowest = times[times.len() - 1];
    assert_eq!(times.len(), 10_000);
    assert!(slowest < Duration::from_millis(500) * PATIENCE, "{slowest:?}");
}

#[test]
fn quick_requests_wait_for_few_burners_and_no_sleeper() {
    let _turn = alone();
    let site = mixed(5);
    under(&site, &[("/sleep", 3), ("/burn", 2)], || {
        eventually("three sleep, one burns", || site.inside() == 4);
        let times = times(&site, "/quick", 1, 30);
        let (median, slowest) = (times[15], times[29]);
        // One burner has the interpreter; the other one waits for its turn.
        assert!(median < Duration::from_millis(50) * PATIENCE, "{times:?}");
        assert!(slowest < Duration::from_millis(600) * PATIENCE, "{times:?}");
    });
}

#[test]
fn quick_requests_do_not_wait_for_sleepers() {
    let _turn = alone();
    let site = mixed(5);
    under(&site, &[("/sleep", 4)], || {
        eventually("four are inside", || site.inside() == 4);
        let times = times(&site, "/quick", 1, 100);
        assert!(times[50] < Duration::from_millis(30) * PATIENCE, "{times:?}");
        assert!(times[99] < Duration::from_millis(250) * PATIENCE, "{times:?}");
    });
}

#[test]
fn a_request_after_a_rest_is_quick() {
    let _turn = alone();
    let site = mixed(5);
    // Threads that have come, and gone to sleep in every possible way.
    under(&site, &[("/sleep", 5)], || eventually("all are inside", || site.inside() == 5));
    eventually("nobody is inside", || site.inside() == 0);
    for pause in 0..60 {
        thread::sleep(Duration::from_millis(pause / 2));
        let (response, time) = timed(|| site.get("/quick"));
        assert_eq!(response.status, 200);
        assert!(time < Duration::from_millis(100) * PATIENCE, "{time:?} after {pause}");
    }
}

#[test]
fn many_short_waits_do_not_add_up() {
    let _turn = alone();
    let site = Site::with(
        |settings| settings.pool.max_threads = 10,
        |call| {
            call.sleep(Duration::from_millis(2));
            call.text("ok");
        },
    );
    // 10 at once, 3 ms each at best: 60 ms for 200. A pool that calls one thread after the other needs 600.
    let (times, time) = timed(|| times(&site, "/", 20, 50));
    assert_eq!(times.len(), 1000);
    assert!(time < Duration::from_secs(2) * PATIENCE, "{time:?}");
    assert!(times[500] < Duration::from_millis(40) * PATIENCE, "{:?}", times[500]);
}

#[test]
fn no_request_waits_for_a_thread_that_was_called_in_vain() {
    let _turn = alone();
    let site = Site::with(
        |settings| {
            settings.pool.max_threads = 10;
            settings.max_keep_alive = None;
        },
        |call| {
            // A little more than a request may wait before another thread is called.
            call.sleep(Duration::from_micros(1100));
            call.text("ok");
        },
    );
    let slow = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..6 {
            let (site, slow) = (&site, &slow);
            scope.spawn(move || {
                let mut client = site.connect();
                for pause in 0..600_u64 {
                    let (response, time) = timed(|| client.get("/"));
                    assert_eq!(response.status, 200);
                    if time > Duration::from_millis(100) * PATIENCE {
                        slow.lock().expect("no panic").push(time);
                    }
                    thread::sleep(Duration::from_micros(pause * (797 + number * 101) % 3000));
                }
            });
        }
    });
    let slow = slow.into_inner().expect("no panic");
    // A busy machine may hold up one or two.
    assert!(slow.len() < 3, "{slow:?}");
}
