//! Threads that wait, and what makes them return.

use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use iodine_core::handoff::{Interrupt, Job, Wait};

use crate::support::{LIMIT, Site, eventually, timed};
use crate::{EndOnPanic, MOMENT, announces, answer, next_job, while_waiting};

/// "Quickly", on a machine with much else to do.
const SOON: Duration = Duration::from_secs(1);

fn site() -> Site {
    Site::unmanned(|_| {})
}

/// A worker that waits once, in a thread of its own.
struct Waiting<'scope> {
    thread: thread::ScopedJoinHandle<'scope, Wait>,
    interrupt: Interrupt,
}

impl<'scope> Waiting<'scope> {
    fn start<'env>(scope: &'scope thread::Scope<'scope, 'env>, site: &'env Site) -> Waiting<'scope> {
        let (tell, told) = bounded(1);
        let thread = scope.spawn(move || {
            let mut worker = site.crew().join();
            let _ = tell.send(worker.interrupter());
            worker.wait()
        });
        let interrupt = told.recv_timeout(LIMIT).expect("a worker");
        Waiting { thread, interrupt }
    }

    fn has_returned(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Two workers that wait: one drives the sockets, the other is parked.
fn with_two_waiting(test: impl FnOnce([&Waiting<'_>; 2])) {
    let site = site();
    thread::scope(|scope| {
        let _end = EndOnPanic(&site);
        let threads = [Waiting::start(scope, &site), Waiting::start(scope, &site)];
        thread::sleep(MOMENT);
        assert!(!threads[0].has_returned() && !threads[1].has_returned());
        test([&threads[0], &threads[1]]);
        site.server.halt();
    });
}

#[test]
fn an_interrupt_wakes_the_thread_that_drives() {
    let site = site();
    let mut worker = site.crew().join();
    let interrupt = worker.interrupter();
    for pause in 0..20 {
        let (wait, _) = while_waiting(
            &site,
            || worker.wait(),
            || {
                thread::sleep(Duration::from_millis(pause));
                let ((), time) = timed(|| interrupt.interrupt());
                assert!(time < SOON, "{time:?}");
            },
        );
        assert_eq!(wait, Wait::Interrupted);
    }
}

#[test]
fn an_interrupt_wakes_the_thread_it_is_meant_for() {
    for target in [0, 1] {
        with_two_waiting(|threads| {
            let ((), time) = timed(|| {
                threads[target].interrupt.interrupt();
                eventually("it has returned", || threads[target].has_returned());
            });
            assert!(time < SOON, "{time:?}");
            thread::sleep(MOMENT);
            assert!(!threads[1 - target].has_returned(), "the other one still waits");
        });
    }
}

#[test]
fn both_can_be_interrupted_at_once() {
    with_two_waiting(|threads| {
        for waiting in threads {
            waiting.interrupt.interrupt();
        }
        eventually("both have returned", || threads.iter().all(|waiting| waiting.has_returned()));
    });
}

#[test]
fn an_interrupt_before_the_wait_is_not_lost() {
    let site = site();
    let mut worker = site.crew().join();
    worker.interrupter().interrupt();
    assert_eq!(worker.wait(), Wait::Interrupted);
    // And counts once.
    let interrupt = worker.interrupter();
    let (wait, time) = while_waiting(
        &site,
        || worker.wait(),
        || {
            thread::sleep(MOMENT);
            interrupt.interrupt();
        },
    );
    assert_eq!(wait, Wait::Interrupted);
    assert!(time >= MOMENT / 2, "{time:?}");
}

#[test]
fn an_interrupted_thread_still_belongs_to_the_pool() {
    let site = site();
    let mut worker = site.crew().join();
    worker.interrupter().interrupt();
    worker.wait();
    assert_eq!(site.stats().threads, 1);
    let mut client = site.connect();
    client.ask("/");
    answer(next_job(&mut worker));
}

#[test]
fn a_job_wakes_the_thread_that_drives() {
    let site = site();
    let mut worker = site.crew().join();
    let mut client = site.connect();
    for _ in 0..20 {
        let (job, _) = while_waiting(
            &site,
            || next_job(&mut worker),
            || {
                client.ask("/");
            },
        );
        answer(job);
        worker.interrupter().interrupt();
        // Drives once more, so that the answer goes out.
        assert_eq!(worker.wait(), Wait::Interrupted);
        while client.hears_nothing_for(Duration::from_millis(1)) {
            worker.interrupter().interrupt();
            worker.wait();
        }
        assert_eq!(client.response().text(), "done");
    }
}

#[test]
fn the_end_of_the_server_wakes_everybody() {
    let site = site();
    thread::scope(|scope| {
        let _end = EndOnPanic(&site);
        let threads = [0; 3].map(|_| Waiting::start(scope, &site));
        let supervisor = scope.spawn(|| site.crew().await_vacancy());
        thread::sleep(MOMENT);
        let ((), time) = timed(|| site.server.halt());
        assert!(time < SOON, "{time:?}");
        for waiting in threads {
            assert_eq!(waiting.thread.join().expect("an end of waiting"), Wait::Retire);
        }
        assert!(!supervisor.join().expect("an end of waiting"));
    });
}

#[test]
fn who_comes_behind_the_end_is_sent_home() {
    let site = site();
    site.server.halt();
    let mut worker = site.crew().join();
    assert_eq!(worker.wait(), Wait::Retire);
    assert!(!announces(site.crew(), LIMIT));
}

#[test]
fn the_supervisor_can_be_interrupted() {
    let site = site();
    let (vacancy, time) = while_waiting(&site, || site.crew().await_vacancy(), || site.crew().interrupt_supervisor());
    assert!(!vacancy);
    assert!(time < SOON, "{time:?}");
    // And waits again afterwards.
    site.connect().ask("/");
    assert!(announces(site.crew(), LIMIT));
}

#[test]
fn interrupts_at_any_moment_lose_no_request() {
    let site = Site::unmanned(|settings| settings.pool.max_threads = 3);
    thread::scope(|scope| {
        let _end = EndOnPanic(&site);
        let (tell, told) = bounded(3);
        for _ in 0..3 {
            let (site, tell) = (&site, tell.clone());
            scope.spawn(move || {
                let mut worker = site.crew().join();
                let _ = tell.send(worker.interrupter());
                while worker.wait() != Wait::Retire {
                    while let Some(Job::Call(call)) = worker.take() {
                        answer(call);
                    }
                }
            });
        }
        let interrupts: Vec<Interrupt> = told.iter().take(3).collect();
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = site.connect();
                    for _ in 0..250 {
                        assert_eq!(client.get("/").text(), "done");
                    }
                })
            })
            .collect();
        let mut turn = 0;
        while clients.iter().any(|client| !client.is_finished()) {
            interrupts[turn % 3].interrupt();
            turn += 1;
            thread::sleep(Duration::from_micros(200));
        }
        site.server.halt();
    });
    assert_eq!(site.stats().requests, 1000);
}
