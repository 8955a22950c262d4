//! What stands in for the interpreter's lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// A lock that is handed to whoever has waited longest, as the interpreter's is. A plain mutex would let a busy thread
/// take it again and again.
#[derive(Default)]
pub struct Lock {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: bool,
    waiting: VecDeque<Arc<Waiting>>,
}

struct Waiting {
    thread: Thread,
    granted: AtomicBool,
}

impl Lock {
    pub fn acquire(&self) {
        let place = {
            let mut state = self.state();
            if !state.held {
                state.held = true;
                return;
            }
            let place = Arc::new(Waiting { thread: thread::current(), granted: AtomicBool::new(false) });
            state.waiting.push_back(place.clone());
            place
        };
        while !place.granted.load(Ordering::SeqCst) {
            thread::park();
        }
    }

    pub fn release(&self) {
        let next = {
            let mut state = self.state();
            let next = state.waiting.pop_front();
            state.held = next.is_some();
            next
        };
        if let Some(next) = next {
            next.granted.store(true, Ordering::SeqCst);
            next.thread.unpark();
        }
    }

    /// Runs `work` without the lock, which the caller holds.
    pub fn without<T>(&self, work: impl FnOnce() -> T) -> T {
        let _again = Again(self);
        self.release();
        work()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the lock back, also when a test's application panics.
struct Again<'a>(&'a Lock);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        self.0.acquire();
    }
}
