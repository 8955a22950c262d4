//! Nobody waits for long because of somebody else. Bounds are some ten times what a quiet machine needs: a real mistake
//! (a lock convoy, sockets that nobody drives, a request that sits with a busy thread) is further off.

#[allow(dead_code, unused_imports, reason = "every test crate uses its part of it")]
#[path = "../support/mod.rs"]
mod support;

mod blocked;
mod load;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// These tests measure: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
