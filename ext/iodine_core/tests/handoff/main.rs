//! The door between the sockets and the application's threads: who comes, who waits, who goes.

#[allow(dead_code, unused_imports, reason = "every test crate uses its part of it")]
#[path = "../support/mod.rs"]
mod support;

mod idle;
mod pool;
mod servers;
mod streams;
mod vacancies;
mod waiting;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use iodine_core::handoff::{Call, Crew, Job, Wait, Worker};

use crate::support::{Site, eventually, payload, status, timed};

/// Long enough for anything that is about to happen, short enough to be waited for.
const MOMENT: Duration = Duration::from_millis(50);

/// Whether the crew asks for a thread within `limit`.
fn announces(crew: &Crew, limit: Duration) -> bool {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| crew.await_vacancy());
        let begun = Instant::now();
        while !waiting.is_finished() && begun.elapsed() < limit {
            thread::sleep(Duration::from_millis(1));
        }
        if !waiting.is_finished() {
            crew.interrupt_supervisor();
        }
        waiting.join().expect("an end of waiting")
    })
}

/// Waits for a job as a worker's thread does.
fn next_job(worker: &mut Worker) -> Call {
    loop {
        if let Some(Job::Call(call)) = worker.take() {
            return call;
        }
        assert_eq!(worker.wait(), Wait::Jobs);
    }
}

fn answer(job: Call) {
    job.ticket.answer(iodine_core::handoff::Reply::Full(status(200), payload(&["done"])));
}

/// Waits until so many requests wait for a thread.
fn await_backlog(site: &Site, jobs: usize) {
    eventually("the backlog", || site.stats().backlog == jobs);
}

/// Runs `wait`, and `meanwhile` on another thread. Tells what `wait` returned, and how long it took. (A worker belongs
/// to the thread that joined: the waiting cannot be left to others.)
fn while_waiting<T>(site: &Site, wait: impl FnOnce() -> T, meanwhile: impl FnOnce() + Send) -> (T, Duration) {
    let returned = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _end = EndOnPanic(site);
            meanwhile();
            eventually("the waiting thread has returned", || returned.load(Ordering::SeqCst));
        });
        let outcome = timed(wait);
        returned.store(true, Ordering::SeqCst);
        other.join().expect("what had to happen meanwhile");
        outcome
    })
}

/// Ends the server where a test fails, so that its threads do not wait for ever.
struct EndOnPanic<'a>(&'a Site);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.server.halt();
        }
    }
}
