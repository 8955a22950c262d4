//! Who drives the sockets: a thread of the application without work (the leader), or the stand-in while there is none.

use std::time::Duration;

use super::{Crew, STALE};
use crate::reactor::{TIDY, Turn};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread;

/// The stand-in stops watching after so many quiet ticks.
const QUIET_TICKS: u32 = if cfg!(shuttle) { 2 } else { 20 };

/// The stand-in looks less often where it is hardly ever needed: a thousand looks a second cost a busy processor 2 %. So
/// many needless ticks make it calm, and one in which it was needed outweighs [`ALARM`] of them: a collection of garbage
/// lasts longer than a tick, a few times a second. Where jobs are slow it is needed more often than that, or called.
const CALM_TICKS: u32 = 1000;
const ALARM: u32 = 50;
const CALM_TICK: Duration = STALE.saturating_mul(4);

impl Crew {
    /// The stand-in's life: drive while no thread of the application does. Returns when the server stops.
    pub(crate) fn stand_in(&self) {
        self.reactor.set_stand_in(thread::current());
        let (mut seen, mut quiet, mut calm) = (u64::MAX, 0, 0_u32);
        while !self.is_stopped() {
            let turns = self.reactor.turns();
            if turns == seen || self.reactor.is_urgent() {
                // Before the first look: who is refused the sockets because of this thread dismisses it after that.
                self.dismissed.store(false, Ordering::SeqCst);
                if let Some(driving) = self.reactor.try_drive() {
                    driving.run(|| self.stand_in_turn());
                    drop(driving);
                    self.promote();
                    calm = calm.saturating_sub(ALARM);
                }
            }
            seen = turns;
            quiet = if self.reactor.is_sleeping() { quiet + 1 } else { 0 };
            calm = CALM_TICKS.min(calm + 1);
            self.watch(quiet, if calm < CALM_TICKS { STALE } else { CALM_TICK });
        }
    }

    fn watch(&self, quiet: u32, tick: Duration) {
        if quiet < QUIET_TICKS {
            return thread::park_timeout(tick);
        }
        self.reactor.stand_in_sleeps();
        // Asked again after the mark is visible: a leader that leaves from now on will unpark us.
        if !self.reactor.is_sleeping() || self.is_stopped() {
            return;
        }
        // Others go on to free what this thread has allocated.
        thread::park_timeout(2 * TIDY);
        if self.reactor.is_stand_in_asleep() {
            self.reactor.tidy();
            thread::park();
        }
    }

    fn stand_in_turn(&self) -> Turn {
        self.postbox.deliver();
        if self.is_stopped() || self.dismissed.load(Ordering::SeqCst) {
            return Turn::Leave;
        }
        if self.runner_needed() {
            self.call_runner();
        }
        if self.is_overdue() {
            (self.settings.lock.lend)();
        }
        if self.jobs.is_empty() { Turn::Sleep } else { Turn::Doze(STALE) }
    }

    /// Whether a quick job waits for a thread that waits for the interpreter's lock, and has done so for long enough.
    pub(super) fn is_overdue(&self) -> bool {
        let slice = self.settings.time_slice;
        self.has_jobs()
            && self.jobs.has_quick()
            && !slice.is_zero()
            && self.running.load(Ordering::SeqCst) < self.max_threads()
            && self.elapsed().saturating_sub(self.last_taken()) >= slice
    }

    /// The turn of a driving thread of the application: it leaves as soon as it should run a job itself.
    pub(in crate::handoff) fn leader_turn(&self, interrupted: &AtomicBool) -> Turn {
        self.postbox.deliver();
        if self.is_stopped() || interrupted.load(Ordering::SeqCst) || self.pool.is_crowded() || self.runner_needed() {
            return Turn::Leave;
        }
        if self.jobs.is_empty() { Turn::Sleep } else { Turn::Doze(STALE) }
    }

    /// Wakes a parked thread so that it drives.
    fn promote(&self) {
        let post = self.lock().parked.pop();
        if let Some(post) = post {
            post.unpark();
        }
    }

    /// An idle thread of the application drives better than the stand-in: it needs no hand-over.
    pub(super) fn dismiss_stand_in(&self) {
        self.dismissed.store(true, Ordering::SeqCst);
        self.reactor.nudge();
    }
}
