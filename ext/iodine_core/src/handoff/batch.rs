//! What a thread runs without a look at the sockets, and which of it took long.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::Pace;
use super::crew::STALE;

/// Jobs that are run without a look at the sockets between them.
#[derive(Debug)]
pub(super) struct Batch {
    /// When the first job was taken.
    pub(super) begun: Duration,
    pub(super) jobs: u32,
    /// The present job: when it was taken, and whose it is.
    pub(super) taken: Duration,
    pub(super) pace: Pace,
}

impl Batch {
    pub(super) fn new(taken: Duration, pace: Pace) -> Batch {
        Batch { begun: taken, jobs: 1, taken, pace }
    }

    /// The present job ends. It was long if it computed for long: one that waits lets others run.
    pub(super) fn end_job(&self, now: Duration, meter: &mut Meter) {
        let long = now.saturating_sub(self.taken) >= STALE && meter.since(self.taken, now) >= STALE;
        self.pace.note(long);
    }
}

/// What the thread has computed in its life, as of when the system was last asked: that is a system call.
#[derive(Debug, Default)]
pub(super) struct Meter {
    asked: Duration,
    computed: Duration,
}

impl Meter {
    /// Asks again, unless that was just done.
    pub(super) fn refresh(&mut self, now: Duration) {
        if self.computed.is_zero() || now.saturating_sub(self.asked) >= STALE {
            *self = Meter { asked: now, computed: computed() };
        }
    }

    /// What it has computed since `taken`, at least: what was before may have been computing, too.
    pub(super) fn since(&mut self, taken: Duration, now: Duration) -> Duration {
        let before = self.computed + taken.saturating_sub(self.asked);
        *self = Meter { asked: now, computed: computed() };
        self.computed.saturating_sub(before)
    }
}

/// What the calling thread has computed in its life.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
