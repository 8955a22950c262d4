//! Jobs that wait for a thread, in the order in which they are run.
//!
//! First come, first served, with one exception: whoever made a thread compute for long with the last job has the next
//! one run when the quick ones had their turn. Otherwise every quick request would wait for all that compute; so it
//! waits for one of them at most, and those lose next to nothing.

use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::Job;
use crate::sync::Instant;

/// Quick jobs that are run between two long ones, at most.
const TURN: usize = 64;

/// How long a long job waits after the last quick one: clients that have just been answered ask again.
const BREATH: Duration = Duration::from_micros(150);

/// What one client's jobs were like lately.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    long: Arc<AtomicBool>,
}

impl Pace {
    pub(super) fn note(&self, long: bool) {
        self.long.store(long, Ordering::Relaxed);
    }

    fn is_long(&self) -> bool {
        self.long.load(Ordering::Relaxed)
    }
}

/// See the module. Bounded by whoever puts something in; a job is taken by one thread at a time.
#[derive(Debug)]
pub(super) struct Queue {
    quick: (Sender<Job>, Receiver<Job>),
    long: (Sender<Job>, Receiver<Job>),
    /// Quick jobs taken since a long one was.
    turn: AtomicUsize,
    /// When there were no more quick ones, in µs after `epoch`; 0 while there are.
    breath: AtomicU64,
    epoch: Instant,
}

impl Queue {
    pub(super) fn new(epoch: Instant) -> Queue {
        Queue { quick: unbounded(), long: unbounded(), turn: AtomicUsize::new(0), breath: AtomicU64::new(0), epoch }
    }

    pub(super) fn put(&self, job: Job) {
        let (place, _) = if job.pace().is_long() { &self.long } else { &self.quick };
        // The queue holds the other end.
        let _ = place.send(job);
    }

    /// The next job. `None` also while a long one waits for its turn, which is soon.
    pub(super) fn take(&self, now: Instant) -> Option<Job> {
        if self.turn.load(Ordering::Relaxed) >= TURN {
            return self.take_long().or_else(|| self.take_quick());
        }
        self.take_quick().or_else(|| if self.is_turn_over(now) { self.take_long() } else { None })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.quick.1.is_empty() && self.long.1.is_empty()
    }

    /// Drops what waits.
    pub(super) fn clear(&self) {
        while self.take_quick().or_else(|| self.take_long()).is_some() {}
    }

    fn take_quick(&self) -> Option<Job> {
        let job = self.quick.1.try_recv().ok()?;
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.breath.store(0, Ordering::Relaxed);
        Some(job)
    }

    fn take_long(&self) -> Option<Job> {
        let job = self.long.1.try_recv().ok()?;
        self.turn.store(0, Ordering::Relaxed);
        self.breath.store(0, Ordering::Relaxed);
        Some(job)
    }

    /// Whether there are no quick jobs, and will be none at once.
    fn is_turn_over(&self, now: Instant) -> bool {
        if self.turn.load(Ordering::Relaxed) == 0 || self.long.1.is_empty() {
            return true;
        }
        let now = now.saturating_duration_since(self.epoch).as_micros() as u64;
        match self.breath.load(Ordering::Relaxed) {
            0 => {
                self.breath.store(now.max(1), Ordering::Relaxed);
                false
            }
            begun => now >= begun + BREATH.as_micros() as u64,
        }
    }
}
