//! Waiting for something, with a limit.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much longer everything may take: under ThreadSanitizer (`rake rust:tsan`) it is several times slower.
pub const PATIENCE: u32 = if cfg!(slowed) { 20 } else { 1 };

/// Nothing in these tests takes this long, except where something is wrong.
pub const LIMIT: Duration = Duration::from_secs(10 * PATIENCE as u64);

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `work` and tells how long it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = work();
    (value, begun.elapsed())
}

/// Something that has not happened yet.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    pub fn wait(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, _) =
            self.opened.wait_timeout_while(open, LIMIT, |open| !*open).unwrap_or_else(PoisonError::into_inner);
        assert!(*open, "a gate stayed closed for {LIMIT:?}");
    }
}
