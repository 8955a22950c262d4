//! Who has to come: threads without work sleep in the second row until a waiting job calls for one of them.

use std::sync::Arc;
use std::time::Duration;

use super::{Crew, STALE};
use crate::handoff::worker::Post;
use crate::reactor::TIDY;
use crate::sync::atomic::Ordering;

/// A thread that was called and has not looked for a job by then waits for the interpreter's lock (its quantum is
/// 100 ms), or has been killed.
pub(super) const OVERDUE: Duration = Duration::from_millis(150);

impl Crew {
    /// A thread without work waits in the second row. Returns at once where it is needed; `false` after
    /// `thread_idle_timeout` without a call.
    pub(in crate::handoff) fn park(&self, post: &Arc<Post>) -> bool {
        self.lock().parked.push(post.clone());
        let needed = self.is_stopped() || self.reactor.is_free() || self.runner_needed();
        let called = needed || {
            self.dismiss_stand_in();
            self.sleep(post)
        };
        self.lock().parked.retain(|other| !Arc::ptr_eq(other, post));
        called
    }

    /// Sleeps until called; `false` after `thread_idle_timeout`.
    fn sleep(&self, post: &Post) -> bool {
        let limit = self.settings.thread_idle_timeout;
        // Others go on to free what this thread has allocated.
        let soon = limit.min(2 * TIDY);
        post.park(soon) || {
            self.reactor.tidy();
            post.park(limit - soon)
        }
    }

    /// Another thread has taken the job that this one was called for. The next job must not wait for it.
    pub(in crate::handoff) fn called_in_vain(&self) {
        self.coming.store(false, Ordering::SeqCst);
    }

    /// Whether a waiting job calls for another thread.
    pub(super) fn runner_needed(&self) -> bool {
        if !self.has_jobs() {
            return false;
        }
        let still = self.elapsed().saturating_sub(self.last_taken());
        if self.coming.load(Ordering::SeqCst) {
            return still >= OVERDUE;
        }
        let busy = self.running.load(Ordering::SeqCst) > 0 && !self.slow.load(Ordering::Relaxed);
        !busy || still >= STALE
    }

    pub(super) fn call_runner(&self) {
        let mut state = self.lock();
        if let Some(post) = state.parked.pop() {
            drop(state);
            self.mark_coming();
            post.unpark();
        } else if state.ask_for_thread(self.max_threads()) {
            drop(state);
            self.mark_coming();
            self.pool.tell_changed();
        }
    }

    fn mark_coming(&self) {
        self.coming.store(true, Ordering::SeqCst);
        self.moved.store(self.now(), Ordering::Relaxed);
    }
}
