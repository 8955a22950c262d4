//! How much the threads have to do: for whoever holds back more of it, and as figures.

use std::time::Duration;

use super::{Crew, STALE};
use crate::metrics::QueueTimes;
use crate::sync::atomic::Ordering;
use crate::sync::{Instant, thread};

/// Figures of the hand-off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Complete requests waiting for a thread.
    pub backlog: usize,
    /// Pool threads.
    pub threads: usize,
    /// Pool threads inside the application.
    pub running: usize,
    /// Threads that may be inside the application at once.
    pub max_threads: usize,
    /// Threads in a streaming body.
    pub streams: usize,
    /// Requests taken since the start.
    pub requests: u64,
}

impl Crew {
    pub(in crate::handoff) fn start_running(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    pub(in crate::handoff) fn stop_running(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        self.tell_freed();
    }

    pub(in crate::handoff) fn start_long(&self) {
        self.long.fetch_add(1, Ordering::SeqCst);
    }

    pub(in crate::handoff) fn stop_long(&self) {
        self.long.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether a job that computes has to wait: with a lent lock, or every thread would soon have one of them. But one
    /// may always run; it could be a thread of the app that lends, and that one may never end.
    pub(super) fn must_be_quick(&self) -> bool {
        self.long.load(Ordering::SeqCst) > 0 && (self.settings.lock.is_lent)()
    }

    pub(super) fn tell_freed(&self) {
        if self.awaited.load(Ordering::SeqCst) {
            self.freed.notify_waiters();
        }
    }

    /// Whether every thread has something to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.load(Ordering::SeqCst) + self.calls.load(Ordering::SeqCst) >= self.max_threads()
            || self.resting.load(Ordering::SeqCst)
    }

    /// Waits for a moment when not all threads have something to do.
    pub(crate) async fn free_thread(&self) {
        while self.is_busy() {
            let freed = self.freed.notified();
            self.awaited.store(true, Ordering::SeqCst);
            // Asked again after the mark is visible: a thread that becomes free from now on tells.
            if self.is_busy() {
                freed.await;
            }
        }
    }

    /// Waits until no thread runs anything, nothing waits to be run, and `quiet` says so, too; `false` after `limit`.
    pub(crate) fn await_idle(&self, limit: Duration, quiet: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let busy = || !self.jobs.is_empty() || self.running.load(Ordering::SeqCst) > 0 || self.postbox.has_items();
        while busy() || !quiet() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(STALE);
        }
        true
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            backlog: self.calls.load(Ordering::Relaxed),
            threads: state.threads,
            running: self.running.load(Ordering::Relaxed),
            max_threads: self.max_threads(),
            streams: state.streams,
            requests: self.queue_clock.read().requests(),
        }
    }

    /// How long requests waited since the start.
    pub(crate) fn queue_times(&self) -> QueueTimes {
        self.queue_clock.read()
    }

    /// The most requests that waited at once, since the last call that asked to begin anew.
    pub(crate) fn backlog_max(&self, begin_anew: bool) -> usize {
        if !begin_anew {
            return self.calls_max.load(Ordering::Relaxed);
        }
        self.calls_max.swap(self.calls.load(Ordering::Relaxed), Ordering::Relaxed)
    }
}
