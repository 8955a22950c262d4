//! Jobs that wait for a thread, in the order in which they are run.
//!
//! First come, first served, with one exception: whoever made a thread compute for long with the last job has the next
//! one run when no quick one waits. Otherwise every quick request would wait for all that compute.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::Job;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Quick jobs that are run between two long ones, at most.
const TURN: usize = 64;

/// What one client's jobs were like lately.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    long: Arc<AtomicBool>,
}

impl Pace {
    pub(super) fn note(&self, long: bool) {
        self.long.store(long, Ordering::Relaxed);
    }

    pub(super) fn is_long(&self) -> bool {
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
}

impl Queue {
    pub(super) fn new() -> Queue {
        Queue { quick: unbounded(), long: unbounded(), turn: AtomicUsize::new(0) }
    }

    pub(super) fn put(&self, job: Job) {
        let (place, _) = if job.pace().is_long() { &self.long } else { &self.quick };
        // The queue holds the other end.
        let _ = place.send(job);
    }

    /// The next job.
    pub(super) fn take(&self) -> Option<Job> {
        if self.turn.load(Ordering::Relaxed) >= TURN {
            return self.take_long().or_else(|| self.take_quick());
        }
        self.take_quick().or_else(|| self.take_long())
    }

    /// Whether one waits that is not expected to take long.
    pub(super) fn has_quick(&self) -> bool {
        !self.quick.1.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.quick.1.is_empty() && self.long.1.is_empty()
    }

    /// Drops what waits.
    pub(super) fn clear(&self) {
        while self.take_quick().or_else(|| self.take_long()).is_some() {}
    }

    /// The next one that is not expected to take long.
    pub(super) fn take_quick(&self) -> Option<Job> {
        let job = self.quick.1.try_recv().ok()?;
        self.turn.fetch_add(1, Ordering::Relaxed);
        Some(job)
    }

    fn take_long(&self) -> Option<Job> {
        let job = self.long.1.try_recv().ok()?;
        self.turn.store(0, Ordering::Relaxed);
        Some(job)
    }
}
