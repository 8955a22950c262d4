//! What time it is, as of the last look at the sockets. Asking for each request would cost a hundredth of it, and tell apart
//! what has arrived together.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    /// Of the thread that drives the sockets, between one look and the next.
    static MOMENT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The present moment, where the calling thread drives: that of its last look. A fraction of a millisecond early, as a rule.
pub(crate) fn now() -> Instant {
    last_look().unwrap_or_else(Instant::now)
}

/// The moment of the last look; `None` where the thread does not drive, or sleeps until something happens.
pub(crate) fn last_look() -> Option<Instant> {
    MOMENT.get()
}

/// The calling thread looks at the sockets.
pub(crate) fn look() {
    MOMENT.set(Some(Instant::now()));
}

/// From now on time passes as it does: the thread will sleep, or do something else.
pub(crate) fn pass() {
    MOMENT.set(None);
}
